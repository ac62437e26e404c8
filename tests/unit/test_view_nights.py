"""The strip of nights says what is known, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from backupwatch.clock import rfc3339
from backupwatch.facts.snapshot import Span
from backupwatch.view.nights import Night, strip_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
DAY = timedelta(days=1)
LETTERS = {Night.BACKED_UP: "#", Night.MISSED: "x", Night.NOT_SEEN: "."}


def span(made: datetime | None, first: datetime, last: datetime) -> Span:
    return Span(None if made is None else rfc3339(made), first, last, "iphone")


def row(*cloud: Span, local: tuple[Span, ...] = (), folder: tuple[Span, ...] = (), nights: int = 8, now: datetime = NOW) -> str:  # fmt: skip
    found = strip_of(cloud, local, folder, now, UTC, nights)
    return "".join(LETTERS[night] for night in found.nights)


def at(day: int, hour: int = 2) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_nights_between_a_backup_and_its_last_reading_are_missed() -> None:
    """Backed up in the night to the 17th and still the same date on the 22nd: five nights were missed."""
    assert row(span(at(17), at(17, 8), at(22, 9))) == "..#xxxxx"


def test_nights_after_the_last_reading_are_not_seen() -> None:
    """Who was not read cannot have missed anything."""
    assert row(span(at(17), at(17, 8), at(19, 9))) == "..#xx..."


def test_nights_between_a_reading_and_the_next_date_are_not_seen() -> None:
    """The newest date hides the ones before it, so nothing is claimed about them."""
    assert row(span(at(16), at(16, 8), at(17, 9)), span(at(21), at(21, 8), at(21, 9))) == ".#x...#."


def test_an_evening_and_a_late_morning_belong_to_their_night() -> None:
    """A backup at 20:00 or at 09:00 is that night's backup."""
    assert row(span(at(18, 20), at(18, 21), at(18, 22)), span(at(21, 9), at(21, 10), at(21, 11))) == "....#.#."


def test_a_night_that_is_not_over_is_not_judged() -> None:
    """At 01:00 the present night is left out; at 08:00 it counts."""
    late, morning = datetime(2026, 11, 22, 1, tzinfo=UTC), datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert row(span(at(20), at(20, 8), late), nights=3, now=late) == ".#x"
    assert row(span(at(20), at(20, 8), morning), nights=3, now=morning) == "#xx"


def test_a_date_that_vanished_proves_missed_nights_from_then_on() -> None:
    """iCloud Backup was switched off: the phone says that it has no date, at every reading."""
    assert row(span(at(17), at(17, 8), at(18, 9)), span(None, at(19, 9), at(22, 9))) == "..#x.xxx"


def test_a_computer_backup_counts_for_its_night() -> None:
    """A backup on a computer fills its night, while iCloud was read as missed around it."""
    folder = Span({"complete": True, "finished_at": rfc3339(at(20, 3))}, at(20, 4), at(22, 9), "local")
    assert row(span(at(17), at(17, 8), at(22, 9)), folder=(folder,)) == "..#xx#xx"


def test_a_date_from_the_future_or_before_the_first_iphone_proves_nothing() -> None:
    """A phone with a wrong clock paints no night."""
    assert row(span(at(22) + 400 * DAY, at(20), at(22, 9)), span(at(22) - 9000 * DAY, at(20), at(22, 9))) == "........"


def test_clocks_that_change_lose_and_invent_no_night() -> None:
    """Over the end of summer time every night stands once."""
    made = datetime(2026, 10, 20, 1, tzinfo=UTC)
    found = strip_of([span(made, made, datetime(2026, 11, 1, 9, tzinfo=UTC))], (), (), datetime(2026, 11, 1, 10, tzinfo=UTC), BERLIN, 14)  # fmt: skip
    assert [night.value for _, night in found.dated()].count("missed") == 12
    assert found.count(Night.BACKED_UP) == 1


moments = st.integers(0, 24 * 20 - 1).map(lambda hour: NOW - 20 * DAY + timedelta(hours=hour))


@given(st.sets(moments, max_size=12), st.sets(moments, max_size=25))
def test_no_night_is_ever_called_what_it_was_not(made: set[datetime], readings: set[datetime]) -> None:
    """Whatever a phone did and whenever it was read: a missed night had no backup, a backed-up one had."""
    spans: list[Span] = []
    for reading in sorted(readings):
        newest = max((backup for backup in made if backup <= reading), default=None)
        if newest is None:
            continue
        if spans and spans[-1].value == rfc3339(newest):
            spans[-1] = Span(spans[-1].value, spans[-1].first_at, reading, "iphone")
        else:
            spans.append(span(newest, reading, reading))
    for evening, night in strip_of(spans, (), (), NOW, UTC, 25).dated():
        noon = datetime(evening.year, evening.month, evening.day, 12, tzinfo=UTC)
        if night is Night.MISSED:
            assert not any(noon <= backup < noon + timedelta(hours=19) for backup in made)
        if night is Night.BACKED_UP:
            assert any(noon <= backup < noon + DAY for backup in made)
