"""A verdict under a configuration: whose facts it is made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, phone
from backupwatch.facts.snapshot import Snapshot, Span, View
from backupwatch.judging import verdict_of
from backupwatch.settings.values import Account, Config

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
DAY = timedelta(days=1)
GB = 1 << 30


def quota(day: int, free: float) -> Span:
    """The account's room, read once."""
    at = NOW - day * DAY
    table = {"total_bytes": 5 * GB, "used_bytes": int((5 - free) * GB), "available_bytes": int(free * GB)}
    return Span(table, at, at, "icloud")


def snapshot(*owners: Span) -> Snapshot:
    """An account that fills slowly, after one that was roomier."""
    spans = tuple(quota(day, 1.2 + 0.01 * day + (1.0 if day > 12 else 0.0)) for day in range(24, -1, -2))
    state = (Span("ok", NOW, NOW, "icloud"),)
    tracks = {kinds.QUOTA: spans, kinds.ACCOUNT_STATE: state, kinds.APPLE_ID_MASKED: owners}
    return Snapshot(NOW, account=View(ACCOUNT, tracks, (), NOW))


def test_what_is_remembered_of_another_account_forecasts_nothing() -> None:
    """Anna's storage of two weeks ago says nothing about Ben's."""
    config = replace(Config(), account=Account(apple_id="ben@example.com"))
    anna = Span("a•••@example.com", NOW - 24 * DAY, NOW - 13 * DAY, "icloud")
    ben = Span("b•••@example.com", NOW - 6 * DAY, NOW, "icloud")
    one, two = (verdict_of(config, snapshot(*owners), UTC, NOW).account for owners in ((ben,), (anna, ben)))
    assert one.forecast_full_at is not None
    assert two.forecast_full_at is None
    assert two.quota is not None
    assert verdict_of(Config(), snapshot(ben), UTC, NOW).account.quota is None


def test_a_backup_of_something_on_the_account_is_a_hint_for_a_phone_that_is_away() -> None:
    """Told only if it came after the phone was last read."""
    config = replace(Config(), account=Account(apple_id="ben@example.com"))
    for changed, hinted in ((NOW - 2 * DAY, True), (NOW - 9 * DAY, False)):
        read = NOW - 6 * DAY
        tracks = {kinds.LAST_CLOUD_BACKUP: (Span(rfc3339(NOW - 6.5 * DAY), read, read, "iphone"),)}
        account = View(ACCOUNT, {kinds.BACKUP_SHARE_CHANGED: (Span(rfc3339(changed), NOW, NOW, "icloud"),)}, (), NOW)
        known = Snapshot(NOW, {"A": View(phone("A"), tracks, (), read)}, account=account)
        (device,) = verdict_of(config, known, UTC, NOW).devices
        assert any("whether it was this one" in sentence for sentence in device.warnings) == hinted
