"""One daemon per state folder, and signals that reach it and nobody else."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backupwatch import control
from backupwatch.errors import BackupwatchError

HOLD = (
    "import sys; from backupwatch import control; lock = control.acquire(); print('held', flush=True); sys.stdin.read()"
)

CONFIG = """
[alerts]
desktop = false
[polling]
wifi = false
[advanced]
usbmuxd = "/nowhere"
system_status = "http://127.0.0.1:9/status.js"
ios_releases = "http://127.0.0.1:9/feed.json"
"""


def test_one_holder_at_a_time_and_the_other_is_told_who_it_is(tmp_path: Path) -> None:
    lock = control.acquire(tmp_path)
    with pytest.raises(BackupwatchError, match=f"already running here .process {os.getpid()}"):
        control.acquire(tmp_path)
    lock.release()
    assert control.running(tmp_path) is None
    control.acquire(tmp_path).release()


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert control.running() == holder.pid
    holder.kill()
    holder.communicate()
    assert control.running() is None
    assert control.wake() is False
    control.acquire().release()


def test_who_only_asks_whether_one_runs_keeps_nobody_from_starting(tmp_path: Path) -> None:
    """``status`` looks at the very moment at which the daemon starts."""
    (tmp_path / "daemon.lock").touch()
    with (tmp_path / "daemon.lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(control.PAUSE * 2, lambda: fcntl.flock(asking, fcntl.LOCK_UN)).start()
        control.acquire(tmp_path).release()


def test_a_wake_up_call_during_the_start_ends_nobody(tmp_path: Path) -> None:
    """A snooze while the daemon reads its configuration: the default of the signal would be death."""
    (tmp_path / "config.toml").write_text(CONFIG)
    starting = subprocess.Popen(
        [sys.executable, "-m", "backupwatch.resident"], stderr=subprocess.PIPE, env={**os.environ}, text=True
    )
    assert starting.stderr is not None
    while control.running() is None:
        assert starting.poll() is None
    assert control.wake() is True
    assert control.request_reload() is True
    assert any('"round"' in line for line in starting.stderr)  # it lives and has made its first round
    starting.send_signal(signal.SIGTERM)
    starting.communicate(timeout=60)
    assert starting.returncode == 0


@pytest.mark.parametrize("content", ["", "nonsense", "-1\n", "99999999999999999999\n"])
def test_nonsense_in_the_file_is_no_process(tmp_path: Path, content: str) -> None:
    lock = control.acquire(tmp_path)
    (tmp_path / "daemon.lock").write_text(content)
    pid = control.running(tmp_path)
    assert pid is None or content.startswith("9")
    lock.release()


def test_a_folder_in_the_files_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "daemon.lock").mkdir()
    with pytest.raises(BackupwatchError, match="cannot be written"):
        control.acquire(tmp_path)
