"""Nights, not moments: what is known of power, Wi-Fi and the lock while people sleep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from facts_builder import NOW, ZONE, Story, ago
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts import kinds
from backupwatch.judge.nights import Answer, Night, missed, tally, windows

Y, N = True, False


def powered(story: Story) -> list[Answer]:
    return [night.powered for night in missed(story.case())]


def test_each_night_since_the_last_backup_is_one_answer() -> None:
    """Backed up nine and a half days ago: nine nights in which a backup was due."""
    nights = missed(Story(9.5).case())
    assert len(nights) == 9
    assert all(night.powered is Answer.UNKNOWN and not night.seen for night in nights)


def test_a_sample_in_the_core_of_a_night_tells_of_that_night() -> None:
    """Find My at two in the morning."""
    story = Story(4.5).nights(kinds.FIND_MY_CHARGING, N, Y, N)
    assert powered(story) == [Answer.UNKNOWN, Answer.NO, Answer.YES, Answer.NO]


def test_not_yet_on_the_charger_at_bedtime_says_nothing() -> None:
    """At 22:20 most phones are still in a hand."""
    story = Story(3.5).nights(kinds.ON_POWER, N, N, N, hour=-1.6)
    assert set(powered(story)) == {Answer.UNKNOWN}


def test_a_cable_in_the_evening_does_not_make_up_for_the_night() -> None:
    """Attached to this computer at half past ten, on no charger at two."""
    story = Story(2.5).nights(kinds.ON_POWER, Y, hour=-1.5).nights(kinds.ON_POWER, N, hour=2)
    assert powered(story)[-1] is Answer.NO


def test_a_phone_plugged_into_this_computer_by_day_says_nothing_about_nights() -> None:
    """Attached phones always charge."""
    story = Story(5.5).nights(kinds.ON_POWER, Y, Y, Y, Y, Y, hour=14)
    assert set(powered(story)) == {Answer.UNKNOWN}


def test_a_part_of_a_night_is_enough_for_a_backup() -> None:
    """Charging until two, then not: the condition was met for a while."""
    story = Story(2.5).nights(kinds.ON_POWER, Y, hour=0.6).nights(kinds.ON_POWER, N, hour=3)
    assert powered(story)[-1] is Answer.PARTLY
    assert tally(powered(story)).met == 1


def test_the_phones_own_log_tells_of_its_nights() -> None:
    """onPower:0 in a condition line at two in the morning."""
    story = Story(3.5)
    story.log(story.last_night(), "off-condition", onPower=False, onWiFi=True, locked=True)
    night = missed(story.case())[-1]
    assert (night.powered, night.wifi, night.locked) == (Answer.NO, Answer.YES, Answer.YES)


def test_reached_over_wifi_at_night_is_on_wifi_and_over_usb_says_nothing_of_it() -> None:
    """A connection by cable does not show whether Wi-Fi is on."""
    over_wifi = Story(2.5).nights(kinds.CONNECTION, "wifi")
    over_usb = Story(2.5).nights(kinds.CONNECTION, "usb")
    assert missed(over_wifi.case())[-1].wifi is Answer.YES
    assert missed(over_usb.case())[-1].wifi is Answer.UNKNOWN


def test_nights_follow_the_persons_clock_when_it_changes() -> None:
    """The night in which Berlin's clocks go back is ten hours long, the one in which they go forward eight."""
    autumn = list(windows(datetime(2026, 10, 23, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC), ZONE))
    assert [ends - starts for starts, ends in autumn] == [timedelta(hours=h) for h in (9, 10, 9)][-len(autumn) :]
    spring = list(windows(datetime(2027, 3, 26, 12, tzinfo=UTC), datetime(2027, 3, 29, 12, tzinfo=UTC), ZONE))
    assert timedelta(hours=8) in [ends - starts for starts, ends in spring]


@given(
    since=st.floats(0, 2_000),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Kiritimati", "America/St_Johns"]),
)
def test_nights_are_whole_past_apart_and_never_too_many(since: float, zone: str) -> None:
    """Whatever the gap and wherever the person lives."""
    found = list(windows(ago(since), NOW, ZoneInfo(zone)))
    assert len(found) <= 31
    for starts, ends in found:
        assert timedelta(hours=7) < ends - starts < timedelta(hours=12)
        assert ends <= NOW
        assert ends > ago(since)
    assert all(before[1] < after[0] for before, after in pairwise(found))


@given(samples=st.lists(st.tuples(st.floats(0, 20), st.sampled_from([True, False, None, "yes", 1, 140])), max_size=30))
def test_any_samples_give_one_of_four_answers(samples: list[tuple[float, Any]]) -> None:
    """Nonsense is no answer, and never a no."""
    story = Story(15.0)
    for days, value in samples:
        story.phone.at(kinds.ON_POWER, value, ago(days))
    nights: tuple[Night, ...] = missed(story.case())
    assert all(isinstance(night.powered, Answer) for night in nights)
    if not any(value is False for _, value in samples):
        assert all(night.powered not in {Answer.NO, Answer.PARTLY} for night in nights)


def test_the_night_after_a_backup_of_the_morning_is_not_missed() -> None:
    """Backed up by hand at noon: the next one was due at noon of the day after, so that night owed nothing."""
    noon = datetime(2026, 11, 20, 11, tzinfo=UTC)
    found = list(windows(noon, datetime(2026, 11, 22, 11, tzinfo=UTC), ZONE))
    assert [starts.astimezone(ZONE).day for starts, _ in found] == [21]
