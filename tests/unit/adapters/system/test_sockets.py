"""Unix sockets and the folder lock, on the real file system."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autobot.adapters.system.lock import LOCK_FILE, locked_folder
from autobot.adapters.system.sockets import bind_unix, connect_unix
from autobot.kernel.core.errors import DataLocked, OperatorError


def test_a_socket_works_below_a_path_of_any_length(tmp_path: Path) -> None:
    """An address holds 108 bytes; a data folder may be deeper than that."""
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    with bind_unix(folder / "control.sock") as listening:
        dialled = connect_unix(folder / "control.sock")
        assert dialled is not None
        with dialled, listening.accept()[0] as answered:
            dialled.sendall(b"hello")
            assert answered.recv(5) == b"hello"
    assert (folder / "control.sock").stat().st_mode & 0o777 == 0o600


def test_nobody_there_is_none(tmp_path: Path) -> None:
    """A missing socket and one whose owner is gone are both nobody."""
    assert connect_unix(tmp_path / "control.sock") is None
    bind_unix(tmp_path / "control.sock").close()
    assert connect_unix(tmp_path / "control.sock") is None


def test_a_left_over_socket_is_made_anew(tmp_path: Path) -> None:
    """A crash leaves the file; the next start listens all the same."""
    bind_unix(tmp_path / "control.sock").close()
    with bind_unix(tmp_path / "control.sock"):
        dialled = connect_unix(tmp_path / "control.sock")
        assert dialled is not None
        dialled.close()


def test_a_second_owner_is_refused_by_pid_and_address(tmp_path: Path) -> None:
    """The refusal says who owns the folder and where it is reached, and changes nothing."""
    with locked_folder(tmp_path / "data") as lock:
        lock.tell("http://127.0.0.1:8001")
        told = json.loads((tmp_path / "data" / LOCK_FILE).read_text())
        with (
            pytest.raises(DataLocked, match=rf"process {told['pid']} at http://127\.0\.0\.1:8001"),
            locked_folder(tmp_path / "data"),
        ):
            raise AssertionError("two owners")
    with locked_folder(tmp_path / "data"):
        pass
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    """A file in the place of the folder is refused with the setting that helps."""
    (tmp_path / "data").write_text("")
    with pytest.raises(OperatorError) as caught, locked_folder(tmp_path / "data"):
        raise AssertionError("locked a file")
    assert "AUTOBOT_DATA_DIR" in str(caught.value.hint)
