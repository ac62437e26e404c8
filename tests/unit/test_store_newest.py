"""A snapshot holds the same, however it is found: along the indexes, or by looking at every row."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from years import NOW, years

from backupwatch.facts import kinds
from backupwatch.store import newest
from backupwatch.store.observations import SAMPLE_WINDOW


def test_years_of_memory_are_read_like_the_last_weeks(tmp_path: Path) -> None:
    """The rows of a snapshot are those that a plain look at every row would choose."""
    store = years(tmp_path / "watch.sqlite3", phones=2, days=400, batteries=False)
    for moment in (NOW, NOW - timedelta(days=30), NOW + timedelta(days=300)):
        since = (moment - SAMPLE_WINDOW).timestamp()
        found = {row[0] for row in newest.span_rows(store._db, since)}
        assert found == _by_every_row(store._db, since)


def test_two_sources_of_one_kind_share_its_room(tmp_path: Path) -> None:
    """Of a kind that two sources tell, the newest spans of both together are kept."""
    store = years(tmp_path / "watch.sqlite3", phones=1, days=200, batteries=False)
    with store._writing() as db:
        db.execute("UPDATE span SET source = 'iphone:wifi' WHERE kind IN (?, ?) AND (id / 4) % 2", (kinds.DISK_AVAILABLE, kinds.ON_POWER))  # fmt: skip
    since = (NOW - SAMPLE_WINDOW).timestamp()
    assert {row[0] for row in newest.span_rows(store._db, since)} == _by_every_row(store._db, since)


def test_of_the_battery_only_the_newest_number_is_read(tmp_path: Path) -> None:
    """Thousands of battery readings cost a snapshot nothing."""
    store = years(tmp_path / "watch.sqlite3", phones=1, days=60)
    rows = newest.span_rows(store._db, (NOW - SAMPLE_WINDOW).timestamp())
    assert sum(row[2] == kinds.BATTERY_PERCENT for row in rows) == 1


def _by_every_row(db, since: float) -> set[int]:  # type: ignore[no-untyped-def]
    samples = ", ".join(f"'{kind}'" for kind in sorted(kinds.SAMPLES))
    rows = db.execute(
        f"""
        SELECT id FROM (
            SELECT *, row_number() OVER (PARTITION BY subject, kind ORDER BY last_at DESC) AS recent FROM span
        ) WHERE (kind NOT IN ({samples}) AND recent <= ?) OR (kind IN ({samples}) AND (last_at >= ? OR recent = 1))
        """,
        (newest.SLOW_SPANS, since),
    )
    return {row[0] for row in rows}
