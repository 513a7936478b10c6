"""The data folder has one owner."""

import subprocess
import sys
from pathlib import Path

import pytest

from autobot.adapters.system.lock import locked_folder
from autobot.kernel.core.errors import DataLocked, OperatorError

HOLDER = """
import sys
from pathlib import Path
from autobot.adapters.system.lock import locked_folder
with locked_folder(Path(sys.argv[1])) as lock:
    lock.tell("http://127.0.0.1:8001")
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
        with pytest.raises(DataLocked) as refused, locked_folder(tmp_path):
            pass
        assert str(holder.pid) in refused.value.detail
        assert "http://127.0.0.1:8001" in refused.value.detail
        holder.kill()
        holder.wait()
    with locked_folder(tmp_path):
        assert (tmp_path / "autobot.lock").exists()


def test_leaving_the_block_gives_the_folder_back(tmp_path: Path) -> None:
    """Inside the block nobody else gets the folder; after it anybody does."""
    with locked_folder(tmp_path):
        with pytest.raises(DataLocked), locked_folder(tmp_path):
            pass
    with locked_folder(tmp_path) as again:
        again.tell("here")


def test_a_folder_that_cannot_be_made_is_refused_with_its_cure(tmp_path: Path) -> None:
    """A path below a file cannot be a data folder; the error names the setting."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OperatorError, match="cannot be used") as refused,
        locked_folder(tmp_path / "file" / "x"),
    ):
        pass
    assert "AUTOBOT_DATA_DIR" in (refused.value.hint or "")
