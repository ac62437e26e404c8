"""When iCloud will be full, said early enough and never from too little."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from facts_builder import NOW, Story, ago, quota
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts import kinds
from backupwatch.judge.finding import State
from backupwatch.judge.forecast import full_at


def history(*used: float, total: float = 5.0, step: float = 1.0) -> Story:
    """The storage used (GB), one reading every ``step`` days, the last one now."""
    story = Story(0.5).on_account()
    story.account.only(kinds.ACCOUNT_STATE, "ok")
    for back, size in enumerate(reversed(used)):
        story.account.was(kinds.QUOTA, quota(size, total), back * step, back * step)
    return story


def forecast(story: Story) -> datetime | None:
    return full_at(story.account.view(), NOW)


def test_steady_growth_names_the_day() -> None:
    """100 MB a day and 1 GB left: ten days."""
    when = forecast(history(*(2.0 + 0.1 * day for day in range(21))))
    assert when is not None
    assert abs(when - (NOW + timedelta(days=10))) < timedelta(days=1)


def test_one_day_of_cleaning_up_does_not_bend_it() -> None:
    """Somebody copied 2 GB in for a day and deleted them again: the days since then count, once there are ten."""
    used = [2.0 + 0.1 * day for day in range(21)]
    used[6] += 2.0
    when = forecast(history(*used))
    assert when is not None
    assert abs(when - (NOW + timedelta(days=10))) < timedelta(days=1)


def test_room_made_yesterday_begins_a_new_story() -> None:
    """Full for a week, then half was deleted: nobody knows yet how fast it fills."""
    assert forecast(history(*(3.0,) * 5, *(4.99,) * 8, 2.0, 2.05)) is None


@pytest.mark.parametrize(
    "used", [(2.0,), (2.0, 2.5, 3.0, 3.5), tuple([3.0] * 20), tuple(4.0 - 0.1 * day for day in range(20))]
)
def test_too_little_history_or_no_growth_says_nothing(used: tuple[float, ...]) -> None:
    """Four days follow a holiday; a flat or falling line never fills."""
    assert forecast(history(*used)) is None


def test_a_history_that_ended_yesterday_says_nothing() -> None:
    """The session ran out; somebody may have made room meanwhile."""
    story = history(*(2.0 + 0.1 * day for day in range(21)))
    assert full_at(story.account.view(), NOW + timedelta(hours=20)) is not None
    assert full_at(story.account.view(), NOW + timedelta(hours=28)) is None


def test_a_larger_plan_starts_a_new_history() -> None:
    """What was true of 5 GB is not true of 50."""
    story = history(*(2.0 + 0.1 * day for day in range(21)))
    story.account.was(kinds.QUOTA, quota(4.0, 50.0), 0)
    assert forecast(story) is None


def test_a_phone_that_is_backed_up_is_warned_before_storage_runs_out() -> None:
    """Nothing is stale yet; the storage will be full in about ten days."""
    (device,) = history(*(2.0 + 0.1 * day for day in range(21))).verdict().devices
    assert device.state is State.FRESH
    (warning,) = device.causes
    assert warning.id == "icloud-storage-full"
    assert warning.warning
    assert "full around" in " ".join(warning.evidence)


def test_a_year_of_room_is_no_reason_to_warn() -> None:
    """10 MB a day and 3 GB left."""
    (device,) = history(*(1.8 + 0.01 * day for day in range(21))).verdict().devices
    assert device.causes == ()


@given(st.lists(st.floats(0, 5), min_size=0, max_size=40))
def test_any_history_gives_a_day_ahead_or_nothing(used: list[float]) -> None:
    """Never a day before the last reading."""
    when = forecast(history(*used))
    assert when is None or when >= ago(0.001)


def test_a_full_storage_has_no_day_on_which_it_will_be_full() -> None:
    """Nothing is free since yesterday: that is said by the check itself, not as a day to come."""
    assert forecast(history(*(3.0 + 0.1 * day for day in range(21)))) is None


def test_the_day_is_never_a_past_one() -> None:
    """Last read twenty hours ago, with room for ten."""
    story = history(*(4.96 - 0.1 * day for day in range(20, -1, -1)))
    later = NOW + timedelta(hours=20)
    assert full_at(story.account.view(), later) == later
