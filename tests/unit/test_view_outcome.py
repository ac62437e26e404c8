"""What became of an alert: was the cause that it named the right one?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backupwatch.checks import load
from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import STATUS
from backupwatch.facts.snapshot import Span, View
from backupwatch.view.outcome import Outcome, Right, changes, outcome

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
GB = 1 << 30


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def was(*spans: tuple[Any, float, float]) -> tuple[Span, ...]:
    return tuple(Span(value, ago(first), ago(last), "test") for value, first, last in spans)


def told(cause: str | None, tracks: dict[str, tuple[Span, ...]], *, made: tuple[float, ...] = (9, 2), status: tuple[Span, ...] = ()) -> Outcome:  # fmt: skip
    """An alert five days ago about a phone that was backed up nine and two days ago."""
    backups = [ago(days) for days in made]
    page = View(STATUS, {kinds.SERVICE_EVENTS: status} if status else {})
    return outcome(cause, ago(5), backups, changes(tracks, tracks, page, backups, NOW, UTC), UTC)


def quota(used: float, total: float = 5.0) -> dict[str, Any]:
    return {"total_bytes": int(total * GB), "used_bytes": int(used * GB), "available_bytes": int((total - used) * GB)}


@pytest.mark.parametrize(
    ("cause", "kind", "before", "after", "words"),
    [
        ("icloud-backup-off", kinds.CLOUD_BACKUP_ENABLED, False, True, "iCloud Backup was switched on"),
        ("update-ios", kinds.OS_VERSION, "26.0", "26.1", "iOS was updated from 26.0 to 26.1"),
        ("restart-iphone", kinds.BOOT_SESSION, "A", "B", "a restart"),
        ("sign-in-needed", kinds.FIND_MY_ON, False, True, "iCloud was signed in to again"),
        ("sign-in-needed", kinds.ACCOUNT_STATE, "sign-in-needed", "ok", "the account was signed in to again"),
        ("email-unverified", kinds.EMAIL_VERIFIED, False, True, "the e-mail address was verified"),
        ("icloud-storage-full", kinds.QUOTA, quota(5), quota(3), "2.0 GB were freed in iCloud"),
        ("icloud-storage-full", kinds.QUOTA, quota(5), quota(5, 50), "the iCloud storage grew from 5 to 50 GB"),
        ("pairing-lost", kinds.TRUST, "lost", "trusted", "the phone was paired again"),
        ("locked-since-restart", kinds.UNLOCKED_SINCE_BOOT, False, True, "the phone was unlocked"),
        ("low-power-mode", kinds.LOW_POWER_MODE, True, False, "Low Power Mode was switched off"),
        ("iphone-storage-full", kinds.DISK_AVAILABLE, 10**8, 9 * 10**9, "8.9 GB were freed on the phone"),
        ("managed-policy", kinds.PROFILES, ["Work"], [], "its profiles were changed"),
        ("clock-wrong", kinds.CLOCK_OFFSET, 86_400.0, 0.0, "the phone's clock was set right"),
        ("restore-in-progress", kinds.RESTORE_STATE, "restoring", "done", "the state of the restore changed"),
    ],
)
def test_a_cause_that_was_mended_before_the_next_backup_was_right(
    cause: str, kind: str, before: Any, after: Any, words: str
) -> None:
    """The switch was turned, the room was made, and then the backup came."""
    found = told(cause, {kind: was((before, 20, 3), (after, 2.5, 0))})
    assert found.right is Right.YES
    assert words in found.sentence
    assert "the cause was right" in found.sentence
    assert cause in {check.id for check in load()}


def test_an_outage_that_ended_before_the_next_backup_was_right() -> None:
    """Apple mended it, the backup came."""
    event = {"service": "iCloud Backup", "type": "Outage", "status": "resolved",
             "started_at": rfc3339(ago(8)), "ended_at": rfc3339(ago(3))}  # fmt: skip
    assert told("apple-outage", {}, status=was(([event], 3, 0))).right is Right.YES


def test_a_night_on_the_charger_confirms_that_power_was_missing() -> None:
    """It was seen charging in the night in which the backup was made."""
    tracks = {kinds.ON_POWER: was((False, 8, 7.9), (True, 2.6, 2.3))}
    assert told("no-power", tracks, made=(9, 2.5)).right is Right.YES


def test_another_change_is_named_without_claiming_that_the_cause_was_right() -> None:
    """The storage was blamed, but an update came first."""
    found = told("icloud-storage-full", {kinds.OS_VERSION: was(("26.0", 20, 3), ("26.1", 2.5, 0))})
    assert found.right is Right.UNCLEAR
    assert "after iOS was updated" in found.sentence
    assert "not seen to change" in found.sentence


def test_a_change_after_the_backup_explains_nothing() -> None:
    """Room that was made only afterwards did not help."""
    found = told("icloud-storage-full", {kinds.QUOTA: was((quota(5), 20, 1.5), (quota(3), 1, 0))})
    assert found.right is Right.UNCLEAR


def test_a_change_before_the_alert_explains_nothing() -> None:
    """What had changed before was known when the cause was named."""
    found = told("icloud-backup-off", {kinds.CLOUD_BACKUP_ENABLED: was((False, 20, 7), (True, 6, 0))})
    assert found.right is Right.UNCLEAR


def test_what_happens_all_the_time_is_no_news() -> None:
    """A phone's free room goes up and down; that is told only where it was the cause."""
    found = told("no-wifi", {kinds.DISK_AVAILABLE: was((10**9, 20, 3), (9 * 10**9, 2.5, 0))})
    assert "freed" not in found.sentence


def test_no_backup_since_is_said_so() -> None:
    """Nothing is claimed while nothing has come."""
    found = told("no-power", {}, made=(9,))
    assert (found.right, found.sentence, found.backup_at) == (Right.WAITING, "No backup since", None)
