"""The one line that the service manager shows of the daemon."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from verdicts import device, verdict

from backupwatch import round as rounds
from backupwatch.daemon import Daemon
from backupwatch.judge.finding import State
from backupwatch.judge.verdict import DeviceVerdict
from backupwatch.schedule import Plan, Schedule
from backupwatch.settings.values import Config
from backupwatch.sources.looker import Looker
from backupwatch.store import open_store

NOW = datetime(2026, 11, 22, 23, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "devices", "line"),
    [
        (ZoneInfo("Asia/Kathmandu"), (), "no phone known yet; next look 05:50"),
        (ZoneInfo("America/New_York"), (device(State.FRESH),), "1 phone, 0 stale; next look 19:05"),
        (
            UTC,
            (device(State.STALE), device(State.OVERDUE, udid="B"), device(State.NEVER, udid="C"), device(State.FRESH)),
            "4 phones, 3 stale; next look 00:05",
        ),
    ],
)
def test_it_counts_the_phones_and_names_the_next_look_by_the_persons_clock(
    tmp_path: Path, zone: tzinfo, devices: tuple[DeviceVerdict, ...], line: str
) -> None:
    """The soonest of all looks, at the place where the person lives."""

    async def same() -> Config:
        return Config()

    schedule = Schedule(lambda: 0.5)
    for source, hour in (("icloud", 5), ("iphone", 0)):
        schedule.plans[source] = Plan(NOW, datetime(2026, 11, 23, hour, 5, tzinfo=UTC))
    store = open_store(tmp_path / "watch.sqlite3", NOW)
    watch = rounds.Watch(Config(), store, Looker(), tmp_path, lambda: zone)
    watch.last = verdict(*devices)
    daemon = Daemon(watch, same, lambda _config: (), now=lambda: NOW, monotonic=lambda: 0.0, schedule=schedule)
    try:
        assert daemon.status_line() == line
    finally:
        store.close()
