"""The phone's backup dates are read as iOS reads them, and nonsense is called nonsense."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.sources.backup_dates import APPLE_EPOCH, FIRST_IPHONE, SLACK, read_backup_date

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
PAST = st.datetimes(datetime(2011, 10, 12), datetime(2026, 11, 22), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


def test_a_date_published_from_a_real_phone_is_read() -> None:
    """812806913, read on an iPhone 16 Pro Max, is 4 October 2026."""
    assert read_backup_date(812_806_913, NOW).text == "2026-10-04T11:41:53Z"


def test_a_phone_without_the_key_has_no_date_and_no_problem() -> None:
    """No date is not a broken date."""
    assert read_backup_date(None, NOW) == read_backup_date(None, NOW).__class__()


@given(PAST)
def test_seconds_since_2001_come_back_as_the_moment_they_mean(moment: datetime) -> None:
    """Whatever day a backup was made, its date is read to the second."""
    raw = int(moment.timestamp()) - APPLE_EPOCH
    assert read_backup_date(raw, NOW).moment == moment
    assert read_backup_date(float(raw) + 0.25, NOW).moment == moment


@given(PAST.filter(lambda moment: moment > NOW - timedelta(days=3_600)))
def test_unix_seconds_of_the_last_years_are_unix_seconds(moment: datetime) -> None:
    """iOS takes a number for Unix time first, so do we."""
    assert read_backup_date(int(moment.timestamp()), NOW).moment == moment


@given(PAST)
def test_a_plist_date_is_taken_as_it_is(moment: datetime) -> None:
    """Dates of property lists carry no zone and mean UTC."""
    assert read_backup_date(moment.replace(tzinfo=None), NOW).moment == moment
    assert read_backup_date(moment.astimezone(timezone(timedelta(hours=5))), NOW).moment == moment


@pytest.mark.parametrize("raw", [0, 0.0])
def test_zero_is_said_to_be_zero(raw: float) -> None:
    """A zero is no backup of 1970 or of 2001."""
    reading = read_backup_date(raw, NOW)
    assert (reading.moment, reading.problem) == (None, "zero")


@pytest.mark.parametrize("raw", [-5, 1, 86_400, float("inf"), -float("inf"), 10**30, -(10**30), datetime(1999, 1, 1)])
def test_a_date_before_the_first_iphone_or_beyond_the_calendar_is_absurd(raw: object) -> None:
    """Nobody backed an iPhone up in 2001."""
    assert read_backup_date(raw, NOW).problem == "absurd"


@pytest.mark.parametrize("raw", [True, False, "yesterday", b"\x00", [], {}, float("nan"), object()])
def test_what_is_no_number_and_no_date_is_said_to_be_none(raw: object) -> None:
    """A text where a date should be is not guessed at."""
    assert read_backup_date(raw, NOW).problem == "not-a-date"


def test_a_date_ahead_of_our_clock_is_from_the_future_unless_by_minutes() -> None:
    """Two honest clocks may differ a little; a backup of tomorrow is a wrong clock."""
    soon, later = NOW + SLACK, NOW + SLACK + timedelta(seconds=1)
    assert read_backup_date(soon, NOW).moment == soon
    assert read_backup_date(later, NOW).problem == "future"
    assert read_backup_date(int(datetime(2087, 1, 1, tzinfo=UTC).timestamp()), NOW).problem == "future"


@given(st.one_of(st.integers(), st.floats(), st.datetimes(), st.text(), st.none(), st.booleans(), st.binary()))
def test_whatever_a_phone_says_the_answer_is_one_sound_moment_or_a_named_problem(raw: object) -> None:
    """No value crashes the reading, and no moment comes out that an iPhone cannot have."""
    reading = read_backup_date(raw, NOW)
    assert reading.moment is None or reading.problem is None
    if reading.moment is not None:
        assert FIRST_IPHONE <= reading.moment <= NOW + SLACK
