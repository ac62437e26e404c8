"""The storage over time: only what Apple told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from backupwatch.facts.snapshot import Span
from backupwatch.view.quota import daily, points

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
GB = 1 << 30


def span(first: float, last: float, **value: Any) -> Span:
    return Span(
        {"total_bytes": 50 * GB, "used_bytes": 20 * GB, "available_bytes": 30 * GB, "backup_bytes": 5 * GB, **value},
        NOW - timedelta(days=first),
        NOW - timedelta(days=last),
        "icloud",
    )


def of(*spans: Span) -> Any:
    return points(spans, NOW - timedelta(days=30), NOW)


def test_the_parts_and_the_rest_make_the_whole() -> None:
    """Photos, backups, documents, mail, and what is left of the used bytes."""
    point = of(span(2, 0, media={"photos": 8 * GB, "docs": 2 * GB, "mail": GB, "backup": 5 * GB}))[-1]
    assert point.parts == {"photos": 8 * GB, "backups": 5 * GB, "documents": 2 * GB, "mail": GB, "other": 4 * GB}


def test_parts_that_are_more_than_the_whole_are_not_shown() -> None:
    """Nothing is scaled to fit: where the sums cannot be, only the whole is told."""
    assert of(span(2, 0, media={"photos": 40 * GB}))[-1].parts == {}


def test_without_parts_only_the_whole_is_told() -> None:
    """Apple did not say what takes the room."""
    assert of(span(2, 0))[-1].parts == {}
    assert of(span(2, 0, media={}))[-1].parts == {}


def test_numbers_that_cannot_be_are_left_out() -> None:
    """A total of nothing, a text, more free than there is."""
    bad = [span(2, 0, total_bytes=0), span(2, 0, used_bytes="all"), span(2, 0, available_bytes=99 * GB)]
    assert of(*bad, Span("nonsense", NOW, NOW, "icloud")) == []


def test_each_value_stands_where_it_was_first_and_last_read() -> None:
    """Nothing before the time that was asked for, and nothing from the future."""
    found = of(span(50, 20), span(19, -5, used_bytes=21 * GB))
    assert [round((NOW - point.at) / timedelta(days=1)) for point in found] == [30, 20, 19, 0]


def test_of_each_day_the_last_reading_stands() -> None:
    """Four readings a day make one point."""
    spans = [span(1.2 - step / 10, 1.2 - step / 10, used_bytes=step * GB) for step in range(5)]
    assert [point.used for point in daily(of(*spans))] == [4 * GB]
