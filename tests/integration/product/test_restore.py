"""`autobot restore` of what is no backup of ours."""

from __future__ import annotations

import shutil
from pathlib import Path

from autobot.testing.harness import ServerProcess, run_cli


def test_a_foreign_backup_is_refused(tmp_path: Path) -> None:
    """A folder that is no backup, and a backup that somebody changed, are refused with a sentence and an exit code of
    their own; the data folder that is there stays as it was, and starts."""
    data, backup, foreign = tmp_path / "data", tmp_path / "backup", tmp_path / "foreign"
    with ServerProcess(data) as server:
        made = run_cli(data, "backup", str(backup))
        assert made.returncode == 0, made.stderr
        server.stop()
    foreign.mkdir()
    (foreign / "autobot.db").write_bytes(b"SQLite format 3\0" + bytes(4080))
    changed = shutil.copytree(backup, tmp_path / "changed")
    content = bytearray((changed / "autobot.db").read_bytes())
    content[len(content) // 2] ^= 1
    (changed / "autobot.db").write_bytes(content)
    for source in (foreign, changed):
        refused = run_cli(tmp_path / "empty", "restore", str(source))
        assert refused.returncode not in {0, 1}, refused.stdout
        assert "Traceback" not in refused.stderr
        assert refused.stderr.strip()
        assert not (tmp_path / "empty" / "autobot.db").exists()
        over = run_cli(data, "restore", str(source))
        assert over.returncode not in {0, 1}, over.stdout
    assert run_cli(tmp_path / "restored", "restore", str(backup)).returncode == 0
    with ServerProcess(data) as server:
        server.stop()
