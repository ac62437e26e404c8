"""The daemon is killed at more than a hundred moments of a month: no alert is lost, none doubled unexplained."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import crash

from backupwatch import log


def test_no_alert_is_lost_or_doubled_however_often_the_daemon_is_killed(tmp_path: Path) -> None:
    log.configure(level="critical")
    (tmp_path / "quiet").mkdir()
    (tmp_path / "loud").mkdir()
    quiet = crash.undisturbed(tmp_path / "quiet")
    loud = crash.disturbed(tmp_path / "loud", kills=125, seed=7, talking=quiet.talking)
    assert len(quiet.seen) > 20
    assert len(loud.kills) == 125
    assert crash.compare(quiet, loud) == []


def test_a_restart_between_two_looks_is_silent(tmp_path: Path) -> None:
    """The same month lived in sixty pieces says what the month lived in one piece says, and when."""
    log.configure(level="critical")
    for name in ("whole", "pieces"):
        (tmp_path / name).mkdir()
    whole = crash.undisturbed(tmp_path / "whole")
    for first in range(0, crash.STEPS, 6):
        crash.live(tmp_path / "pieces", first, end=first + 6)
    assert crash.read_seen(tmp_path / "pieces") == whole.seen
    assert len({ident for _, ident, _ in whole.seen}) == len(whole.seen)
