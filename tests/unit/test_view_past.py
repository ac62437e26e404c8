"""When each backup was made, and when there was none for too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.snapshot import Span
from backupwatch.judge.limits import Limits
from backupwatch.view.past import Past, gaps, past

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def ago(days: float) -> datetime:
    return NOW - DAY * days


def dates(*spans: tuple[float | None, float, float], kind: str = kinds.LAST_CLOUD_BACKUP) -> dict[str, tuple[Span, ...]]:  # fmt: skip
    """Each a backup, when it was first and when it was last read, in days before now."""
    return {
        kind: tuple(
            Span(None if made is None else rfc3339(ago(made)), ago(first), ago(last), "iphone")
            for made, first, last in spans
        )
    }


def of(tracks: dict[str, tuple[Span, ...]], counts: str = "any") -> Past:
    return past(tracks, Limits(counts=counts), NOW)  # type: ignore[arg-type]


def test_each_backup_is_told_with_the_time_since_the_one_before() -> None:
    """Three dates are three backups, two and five days apart."""
    found = of(dates((8, 7.9, 7), (6, 5.9, 2), (1, 0.9, 0)))
    assert [backup.gap for backup in found.backups] == [None, 2 * DAY, 5 * DAY]
    assert gaps(found.backups) == [2 * DAY, 5 * DAY]


def test_a_time_without_a_backup_begins_when_it_is_stale_and_ends_with_the_next_one() -> None:
    """Six days without one: stale from the third on, over with the next backup."""
    (drought,) = of(dates((7, 6.9, 1.5), (1, 0.9, 0))).droughts
    assert (drought.last, drought.stale_at, drought.ended_at) == (ago(7), ago(4), ago(1))
    assert not drought.overdue


def test_one_that_lasts_has_no_end_and_grows_overdue() -> None:
    """Nine days and no end."""
    (drought,) = of(dates((9, 8.9, 0))).droughts
    assert drought.ended_at is None
    assert drought.overdue


def test_a_phone_that_was_away_is_not_accused() -> None:
    """Read for the last time a day after its backup: what it did for the next weeks is not known."""
    found = of(dates((20, 19.9, 19), (1, 0.9, 0)))
    assert found.droughts == ()
    assert found.stretches[0].proved_until == ago(19)


def test_a_phone_that_never_made_one_is_told_from_the_first_reading_on() -> None:
    """No date at every reading for ten days."""
    (drought,) = of(dates((None, 10, 0))).droughts
    assert drought.last is None
    assert drought.stale_at == ago(7)
    assert drought.overdue


def test_a_date_that_vanished_keeps_the_drought_going() -> None:
    """Switched off four days after the last backup, still off: one drought from that backup on."""
    (drought,) = of(dates((9, 8.9, 5), (None, 4.5, 0))).droughts
    assert drought.last == ago(9)
    assert drought.ended_at is None
    assert drought.overdue


def test_the_kinds_that_count_make_the_droughts() -> None:
    """Backed up daily on a computer, not for nine days to iCloud: fresh, unless iCloud is what counts."""
    tracks = dates((9, 8.9, 0))
    tracks |= dates(*((day, day - 0.1, day - 0.9) for day in range(9, 0, -1)), kind=kinds.LAST_LOCAL_BACKUP)
    assert of(tracks).droughts == ()
    assert of(tracks, "local").droughts == ()
    assert len(of(tracks, "icloud").droughts) == 1
    assert len(of(tracks, "both").droughts) == 1
    assert {backup.where for backup in of(tracks).backups} == {"icloud", "local"}


def test_a_date_that_is_still_read_after_another_backup_proves_the_time_before_it() -> None:
    """No iCloud backup for nine days, one on a computer five days ago: four days were without any."""
    tracks = dates((9, 8.9, 0)) | dates((5, 4.9, 0), kind=kinds.LAST_LOCAL_BACKUP)
    first, _ = of(tracks).droughts
    assert (first.last, first.ended_at, first.proved_until) == (ago(9), ago(5), ago(5))


def test_nothing_known_is_an_empty_past() -> None:
    """One fact, none of them a date."""
    assert of({}) == Past((), (), ())


def test_a_clock_that_jumped_makes_no_negative_time() -> None:
    """Readings from a future that never came are cut off at now."""
    found = of(dates((2, 1.9, -30)))
    assert found.stretches[-1].proved_until <= NOW


moments = st.integers(0, 24 * 30 - 1).map(lambda hour: NOW - 30 * DAY + hour * HOUR)


@given(st.sets(moments, min_size=1, max_size=15), st.sets(moments, max_size=40))
def test_no_drought_is_claimed_that_was_none(made: set[datetime], readings: set[datetime]) -> None:
    """Whatever a phone did and whenever it was read: in a claimed drought no backup was made."""
    spans: list[Span] = []
    for reading in sorted(readings):
        newest = max((backup for backup in made if backup <= reading), default=None)
        if newest is not None:
            spans.append(Span(rfc3339(newest), reading, reading, "iphone"))
    for drought in past({kinds.LAST_CLOUD_BACKUP: tuple(spans)}, Limits(), NOW).droughts:
        assert drought.last in made
        assert drought.proved_until - drought.last > 3 * DAY
        assert not any(drought.last < backup <= drought.proved_until for backup in made)
