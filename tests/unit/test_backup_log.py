"""The phone's own words about its backups are understood across releases, and nothing private is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts.kinds import LogWord
from backupwatch.sources.backup_log import MAX_TEXT, error_code, parse_line

FIELDS_26 = (
    "state changed, enabled:1, locked:1, onPower:0, onWiFi:1, onCellular:0(0), autoBackupOnCellularEnabled:0, "
    "autoBackupOnCellularAllowedByProvider:0, passcodeChanged:0, managerStates:(), changes:(power)"
)


def event(line: str) -> dict[str, Any]:
    parsed = parse_line(line)
    assert parsed is not None, line
    return parsed


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (f"=scheduler= [On condition] {FIELDS_26}", "on-condition"),
        (f"=scheduler= [Off condition] {FIELDS_26}", "off-condition"),
        (f"[Off condition after 61.2s] {FIELDS_26}", "off-condition"),
        ("=scheduler= Backup is disabled by the current MC policy", "policy"),
        ("Backup is disabled by the current MC policy - not checking for an overdue backup", "policy"),
        ("=managed-policy= Cloud backup is disabled by MDM", "policy"),
        ("=scheduler= Starting automatic backup for <private>", "started"),
        ("=scheduler= Scheduler received backup completion notification for account <private>", "completed"),
        ("=backoff= Scheduler received backup failure notification for account <private>: x (MBErrorDomain/308)", "failure"),
        ("Found account <private> (1,0,0)", "account"),
        ('=scheduler= Fetched account:("<private>"/"<private>"), primary:1, isEnabledForBackup:0', "account"),
        ("isEnabled changed: 0", "account"),
        ("=scheduler= Auto backup is not enabled for <private>", "auto-backup-off"),
        ("Ignoring backup start request since the account <private>/<private> isn't enabled", "auto-backup-off"),
        ("30s have passed and the device is still not back on condition - canceling…", "cancelled"),
        ("=scheduler= Canceling initiated backup <private>, changes:(lock) isDeferred:0", "cancelled"),
        ("Warning the user an iCloud backup is overdue", "overdue"),
        ("Posted follow-up item DrySpellFollowUpItem.<private>", "overdue"),
        ("=cloud-backup= Found 12 files with missing encryption keys during scan", "missing-keys"),
        ("Scheduled next backup on WiFi at 2026-11-23 02:00:00 +0000 (43200s)", "scheduled"),
        ('Last backup on WiFi was delayed ("2026-11-20") (300s)', "delayed"),
        ("The next backup date was pushed later (3600.000s)", "delayed"),
        ("The device lost power/WiFi but is otherwise still in condition - will wait 60s…", "delayed"),
        ("en0, available:1, expensive:1, constrained:0, backupOnCellularSupport:0x0", "network"),
        ("Posted follow-up item RestoreInProgress", "restoring"),
    ],
)  # fmt: skip
def test_each_line_of_the_catalogue_is_understood(line: str, what: str) -> None:
    """With or without a prefix, quotes or private parts, a line says what it says."""
    assert event(line)["what"] == what == LogWord(what)


def test_every_word_has_a_line_that_says_it() -> None:
    """No word is promised to the checks that no line can produce."""
    said = {mark.args[1][index][1] for mark in test_each_line_of_the_catalogue_is_understood.pytestmark
            for index in range(len(mark.args[1]))}  # fmt: skip
    assert said == set(LogWord)


def test_a_condition_line_says_which_condition_was_missing() -> None:
    """The fields come as iOS names them."""
    fields = event(f"[Off condition] {FIELDS_26}")["fields"]
    assert (fields["enabled"], fields["locked"], fields["onPower"], fields["onWiFi"]) == (True, True, False, True)


def test_fields_in_quotes_are_read_and_private_ones_are_not_guessed() -> None:
    """``onPower:<private>`` is neither on nor off."""
    fields = event('[Off condition] state changed, enabled:"1", locked:"0", onPower:<private>, onWiFi:1')["fields"]
    assert fields == {"enabled": True, "locked": False, "onWiFi": True}


def test_a_restore_shows_in_the_condition() -> None:
    """A backup that waits for a restore says so."""
    assert event("[Off condition] state changed, enabled:1, managerStates:(restoring), changes:()")["fields"][
        "restoring"
    ]


def test_the_account_line_says_that_the_address_is_not_verified() -> None:
    """The middle figure is the one that silently stops automatic backups."""
    assert event("Found account <private> (1,0,1)")["fields"] == {
        "enabled": True,
        "emailVerified": False,
        "cellular": True,
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no room (MBErrorDomain/303)", 303),
        ("MBErrorDomain(202) Underlying error: MBErrorDomain(218) Underlying error: x", 218),
        ("MBErrorDomain/202", 202),
        ("Error Domain=MBErrorDomain Code=305 \"x\"", 305),
        ("no code at all", None),
    ],
)  # fmt: skip
def test_the_code_of_a_failure_is_found_however_it_is_nested(text: str, code: int | None) -> None:
    """A cancelled backup names what lies underneath."""
    assert error_code(text) == code
    line = f"Scheduler received backup failure notification for account <private>: {text}"
    assert event(line).get("code") == code


def test_other_lines_are_of_no_interest() -> None:
    """Neither chatter nor a scan that found nothing becomes an event."""
    for line in (
        "Ending backlight session",
        "",
        "=scheduler= ",
        "Found 0 files with missing encryption keys",
        "Waking backupd",
    ):
        assert parse_line(line) is None


@pytest.mark.parametrize(
    "secret",
    ["anna.b@icloud.com", "5B1D6C9E-0C0B-4C8B-9C57-6F1F5A3B7E11", "17394028817", "00008140-001C2D3E4F50001C",
     "f2a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3"],
)  # fmt: skip
def test_nothing_private_is_kept(secret: str) -> None:
    """Accounts, addresses and identifiers do not reach the store."""
    for line in (
        f"Starting automatic backup for {secret}",
        f"Scheduler received backup failure notification for account {secret}: (MBErrorDomain/303)",
        f"Canceling initiated backup {secret}, changes:(lock)",
    ):
        assert secret not in str(event(line)["text"])


@given(st.text(max_size=200), st.text(max_size=6_000))
def test_no_line_crashes_the_reading_or_is_kept_at_length(head: str, tail: str) -> None:
    """A phone may write what it likes."""
    for line in (
        head + tail,
        f"{head}[Off condition] {tail}",
        f"backup failure notification {head}MBErrorDomain/{tail}",
    ):
        parsed = parse_line(line)
        if parsed is not None:
            assert len(str(parsed["text"])) <= MAX_TEXT
            assert "\n" not in str(parsed["text"])
            assert "\x1b" not in str(parsed["text"])
            assert set(parsed) <= {"what", "text", "code", "fields"}
