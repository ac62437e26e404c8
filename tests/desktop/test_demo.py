"""The main job on a real desktop: the demo's alert arrives at a real notification server, as the person reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness import Desktop


def tell(desktop: Desktop, story: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backupwatch", "demo", "--scenario", story],
        env=desktop.env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_demo_ends_in_a_notification_that_names_phone_cause_and_first_step(
    desktop: Desktop, tmp_path: Path
) -> None:
    told = tell(desktop, "icloud-storage-full")
    assert told.returncode == 0, told.stderr
    picture = Path(os.environ.get("BACKUPWATCH_PICTURES", str(tmp_path))) / "demo.png"
    desktop.screenshot(picture)
    assert picture.stat().st_size > 2_000
    assert "Snooze" not in "".join(desktop.buttons())  # the demo ends: nobody would hear a button
    newest = desktop.received()[-1]
    assert newest.title == "Reminder: Anna's iPhone, no backup for 8 days"
    assert "iCloud storage is full" in newest.body
    assert "First step: On the iPhone open Settings &gt; Anna &gt; iCloud &gt; Storage" in newest.body
    assert newest.urgency.lower() == "critical"
    assert "On the desktop: dunst" in told.stdout


def test_the_story_of_a_phone_takes_one_place_on_the_screen(desktop: Desktop) -> None:
    tell(desktop, "no-power")
    assert desktop.shown() == 1


def test_nasty_names_reach_the_screen_as_plain_words(desktop: Desktop) -> None:
    told = tell(desktop, "nasty-names")
    assert told.returncode == 0, told.stderr
    for message in desktop.received():
        assert "\x1b" not in message.title + message.body
        assert "<script>" not in message.body
        assert len(message.title) <= 120
