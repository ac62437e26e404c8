"""``notify-test`` tells the truth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from harness import Desktop, PrivateBus

pytestmark = pytest.mark.desktop

RUN = [sys.executable, "-c", "import sys; from backupwatch.cli.notify_test import run; sys.exit(run())"]


def test_on_a_desktop_it_arrives(desktop: Desktop) -> None:
    """On a desktop the notification is seen, the server is named, and the exit code is 0."""
    ended = subprocess.run(RUN, check=False, env=desktop.env, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    assert "desktop   arrived: dunst 1." in ended.stdout
    assert ended.stderr == ""
    assert [received.title for received in desktop.received()] == ["backupwatch can reach you"]


def test_without_a_server_it_says_what_to_do(bus: PrivateBus) -> None:
    """Where nobody shows notifications the exit code is 1 and the reason stands on one line."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(bus.folder), "DBUS_SESSION_BUS_ADDRESS": bus.address}
    ended = subprocess.run(RUN, check=False, env=env, capture_output=True, text=True)

    assert ended.returncode == 1
    assert "desktop   not now: No notification server runs" in ended.stdout
    assert "terminal  arrived" in ended.stdout
    assert "No notification reached a desktop" in ended.stderr


def test_without_a_session_it_is_not_a_crash(tmp_path: Path) -> None:
    """Over SSH or in a container: exit code 1 and no traceback."""
    ended = subprocess.run(
        RUN, check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, capture_output=True, text=True
    )

    assert ended.returncode == 1
    assert "no desktop session" in ended.stdout
    assert "Traceback" not in ended.stderr
