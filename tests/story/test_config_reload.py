"""A changed configuration, and the real daemon that lives with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# Nothing listens there, so every look ends at once and on this computer; desktop = false sends messages to the log.
BASE = """
[alerts]
desktop = false
quiet_hours = ""
[advanced]
usbmuxd = "{folder}/no-usbmuxd"
system_status = "http://127.0.0.1:9/status.js"
ios_releases = "http://127.0.0.1:9/feed.json"
"""


class Running:
    """`backupwatch run`, and what it logs."""

    def __init__(self, own: Path) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backupwatch", "--config", str(own), "run"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def until(self, words: str, count: int = 1, seconds: float = 60) -> str:
        """The line with these words, the ``count``-th of them; the limit only ends a test that would hang."""
        deadline = time.monotonic() + seconds
        while len(found := [line for line in list(self.lines) if words in line]) < count:
            assert time.monotonic() < deadline, "".join(self.lines)
            assert self.process.poll() is None, "".join(self.lines)
            time.sleep(0.05)
        return found[count - 1]


@contextlib.contextmanager
def daemon(own: Path) -> Iterator[Running]:
    running = Running(own)
    try:
        running.until("watching")
        yield running
    finally:
        running.process.send_signal(signal.SIGTERM)
        try:
            running.process.wait(30)
        except subprocess.TimeoutExpired:
            running.process.kill()
        running.reader.join(5)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    return folder / "config.toml"


def save_by_renaming(own: Path, text: str) -> None:
    """As most editors do it."""
    new = own.with_name(".config.toml.swp")
    new.write_text(text)
    new.rename(own)


def test_a_daemon_lives_with_its_changing_file(own: Path, tmp_path: Path) -> None:
    """A good change is taken over, a bad one is told once with its line while the good one stays, a mended one counts."""
    good = BASE.format(folder=tmp_path)
    dotfile = tmp_path / "dotfile.toml"
    dotfile.write_text(good)
    own.symlink_to(dotfile)
    with daemon(own) as running:
        dotfile.write_text(good + '[freshness]\nstale_after = "2d"\n')  # through the link, in place
        assert "freshness.stale_after" in running.until("configuration reloaded")
        own.unlink()
        save_by_renaming(own, good + '[freshness]\nstale_afer = "1d"\n')
        line = good.count("\n") + 2
        assert f"config.toml:{line}:1" in running.until("configuration refused")
        told = running.until("last good one is kept")
        assert f"config.toml, line {line}" in told
        save_by_renaming(own, good + '[freshness]\nstale_after = "4d"\n')
        assert "freshness.stale_after" in running.until("configuration reloaded", 2)
    assert sum("last good one is kept" in line for line in running.lines) == 1
    assert running.process.returncode == 0


def test_config_set_reaches_a_running_daemon(own: Path, tmp_path: Path) -> None:
    """`config set` says that the daemon takes the value over, and it does."""
    own.write_text(BASE.format(folder=tmp_path))
    with daemon(own) as running:
        running.until("round")
        done = subprocess.run(
            [sys.executable, "-m", "backupwatch", "--config", str(own), "config", "set", "freshness.stale_after", "2d"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "running daemon takes it over" in done.stdout
        assert "freshness.stale_after" in running.until("configuration reloaded")
