"""The data folder has one owner."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autobot.adapters.system.folder_lock import FolderLock, owner
from autobot.kernel.core.errors import ConfigurationError, DataLocked

HOLDER = """
import sys
from pathlib import Path
from autobot.adapters.system.folder_lock import FolderLock
lock = FolderLock.acquire(Path(sys.argv[1]), address="http://127.0.0.1:8001")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_start_is_refused_with_pid_and_address(tmp_path: Path) -> None:
    """While one process holds the folder another is told its pid and address; killed, it holds nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DataLocked) as refused:
            FolderLock.acquire(tmp_path)
        assert str(holder.pid) in refused.value.detail
        assert "http://127.0.0.1:8001" in refused.value.detail
        holder.kill()
        holder.wait()
    with FolderLock.acquire(tmp_path):
        assert owner(tmp_path) == (os.getpid(), "")


def test_release_gives_the_folder_back(tmp_path: Path) -> None:
    """After release the folder has no owner and can be taken again; releasing twice is harmless."""
    lock = FolderLock.acquire(tmp_path, address="a")
    with pytest.raises(DataLocked):
        FolderLock.acquire(tmp_path)
    lock.release()
    lock.release()
    assert owner(tmp_path) is None
    FolderLock.acquire(tmp_path).release()


def test_a_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    """A path below a file cannot be a data folder, and the error says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        FolderLock.acquire(tmp_path / "file" / "data")
