"""The phone's clock is off, unless it is this computer's."""

from __future__ import annotations

from typing import Any

import pytest
from facts_builder import Story, Subjects

from backupwatch.facts import kinds
from backupwatch.facts.observation import phone
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut, State

ID = "clock-wrong"


def off_by(seconds: Any) -> Story:
    story = Story()
    story.phone.only(kinds.CLOCK_OFFSET, seconds)
    return story


def test_hours_off_are_certain_and_say_which_way() -> None:
    """Two days behind."""
    found = off_by(-2 * 86_400.0).blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert found.evidence == ("Its clock is 2 days behind this computer's",)


def test_a_clock_that_was_always_off_explains_everything_and_one_of_yesterday_little() -> None:
    """Nobody knows since when the first was wrong; the second was right until yesterday."""
    assert off_by(90_000.0).blamed(ID).explains == 1.0
    late = off_by(0.0)
    late.phone.only(kinds.CLOCK_OFFSET, 0.0, 40, 1.1).was(kinds.CLOCK_OFFSET, 90_000.0, 1.0, 0.5)
    late.phone.was(kinds.CLOCK_OFFSET, 90_060.0, 0.5)
    assert 0.05 < late.blamed(ID).explains < 0.2


def test_minutes_off_are_possible() -> None:
    """Ten minutes ahead."""
    assert off_by(600.0).blamed(ID).certainty is Certainty.POSSIBLE


def test_a_few_seconds_are_right() -> None:
    """Every clock is a little off."""
    assert isinstance(off_by(60.0).finding(ID), RuledOut)


def test_two_phones_off_alike_mean_this_computer() -> None:
    """Both are ahead by an hour: the computer is behind."""
    story = off_by(3_600.0)
    story.others["other"] = Subjects(phone("other")).was(kinds.CLOCK_OFFSET, 3_600.0, 1)
    found = story.finding(ID)
    assert isinstance(found, NotChecked)
    assert "this computer's clock" in found.reason


@pytest.mark.parametrize("value", [None, "noon", True, float("inf"), float("nan"), 1e300])
def test_nonsense_is_not_checked(value: Any) -> None:
    """A clock that says nothing is not wrong."""
    assert isinstance(off_by(value).finding(ID), NotChecked)


def test_a_backup_date_in_the_future_is_told_even_when_the_age_is_unknown() -> None:
    """The state is unknown, and this is why."""
    story = off_by(90_000.0)
    story.phone.drop(kinds.LAST_CLOUD_BACKUP).only(kinds.BACKUP_DATE_PROBLEM, "future")
    (device,) = story.verdict().devices
    assert device.state is State.UNKNOWN
    assert [cause.id for cause in device.causes] == [ID]
