"""The doctor's lines about the room on the disk, and about notifications on a Mac."""

from __future__ import annotations

import shutil
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_delivery_macos import Center, Front, Mac

from backupwatch import doctor_computer
from backupwatch.delivery import macos
from backupwatch.doctor import Level, Situation
from backupwatch.settings.values import Config

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
Usage = namedtuple("Usage", "total used free")


def situation(state: Path, platform: str = "linux") -> Situation:
    return Situation(Config(), (), None, NOW, state, platform=platform, environ={})


@pytest.mark.parametrize(
    ("free", "level", "words"),
    [
        (500_000_000, Level.OK, "0.5 GB free"),
        (499_999_999, Level.WARNING, "0.5 GB free"),
        (50_000_000, Level.WARNING, "0.1 GB free"),
        (49_999_999, Level.BROKEN, "Only 49 MB free"),
    ],
)
def test_a_disk_that_fills_up_is_told_before_nothing_can_be_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level, words: str
) -> None:
    """Plenty, little, almost nothing; asked of the disk on which the memory is, even before its folder is made."""
    asked: list[Path] = []

    def usage(folder: Path) -> Usage:
        asked.append(folder)
        return Usage(10**12, 10**12 - free, free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    (result,) = doctor_computer.disk(situation(tmp_path / "not" / "there"))
    assert result.level is level
    assert words in result.sentence
    assert bool(result.fix) is (level is not Level.OK)
    assert asked == [tmp_path]


@pytest.mark.parametrize(
    ("mac", "level", "words", "fix"),
    [
        (Mac(bundle=True, center=Front(Center())), Level.OK, "lets this Python show", ""),
        (Mac(bundle=True, center=Front(Center(allowed=False))), Level.WARNING, "does not let", "System Settings"),
        (Mac(bundle=True, center=Front(Center(capable=False))), Level.WARNING, "cannot be proved", "notify-test"),
        (Mac(bundle=True), Level.WARNING, "cannot be proved", "notify-test"),
        (Mac(notifier=True), Level.WARNING, "cannot be proved", "notify-test"),
        (Mac(), Level.WARNING, "cannot be proved", "notify-test"),
    ],
    ids=["allowed", "forbidden", "no application", "an error", "terminal-notifier", "osascript"],
)
async def test_on_a_mac_notifications_are_called_well_only_where_macos_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mac: Mac, level: Level, words: str, fix: str
) -> None:
    """Nothing is sent to find it out; where only a message can tell, the command that sends one is named."""
    monkeypatch.setattr(macos, "ThisMac", lambda: mac)
    (result,) = await doctor_computer.notifications(situation(tmp_path, "darwin"))
    assert result.level is level
    assert words in result.sentence
    assert fix in result.fix
    assert mac.ran == []
