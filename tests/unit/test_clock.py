"""Times are UTC, whole, and never exaggerate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch import clock

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=ZONES)


def test_now_is_in_utc() -> None:
    """No local time gets in."""
    assert clock.utc_now().utcoffset() == timedelta()


@given(MOMENTS)
def test_a_moment_survives_being_written(moment: datetime) -> None:
    """What is written and read again is the same moment to the second, whatever zone it came in."""
    written = clock.rfc3339(moment)
    assert written.endswith("Z")
    assert len(written) == 20
    assert clock.parse_rfc3339(written) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-22T14:05:00Z", datetime(2026, 11, 22, 14, 5, tzinfo=UTC)),
        ("2026-11-22T15:05:00+01:00", datetime(2026, 11, 22, 14, 5, tzinfo=UTC)),
        ("2026-11-22 14:05:00.250+00:00", datetime(2026, 11, 22, 14, 5, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_other_spellings_of_a_moment_are_read(written: str, moment: datetime) -> None:
    """Zones and fractions are understood, and the answer is in UTC."""
    read = clock.parse_rfc3339(written)
    assert read == moment
    assert read.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "2026-11-22",
        "2026-11-22T14:05:00",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_moment_is_refused(written: str) -> None:
    """A time without a zone could mean any of many moments."""
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the promise
        clock.parse_rfc3339(written)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_a_time(written: str) -> None:
    """A moment or a ValueError, nothing else."""
    try:
        assert clock.parse_rfc3339(written).tzinfo is UTC
    except ValueError:
        return


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(days=9, hours=23), "9 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(days=-3), "less than a minute"),
    ],
)
def test_an_age_is_said_as_a_person_says_it(age: timedelta, words: str) -> None:
    """Rounded down, in the largest unit that fits."""
    assert clock.age_words(age) == words


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=40_000)))
def test_an_age_is_never_exaggerated(age: timedelta) -> None:
    """The words never claim more time than has passed."""
    words = clock.age_words(age)
    if words != "less than a minute":
        count, unit = words.split()
        assert timedelta(**{unit.rstrip("s") + "s": int(count)}) <= age


def test_the_monotonic_clock_does_not_run_backwards() -> None:
    """Durations can be taken with it."""
    assert clock.monotonic() <= clock.monotonic()
