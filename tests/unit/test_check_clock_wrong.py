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


def one_reading(seconds: float) -> Story:
    story = Story(3.5)
    story.phone.only(kinds.CLOCK_OFFSET, 0.0, 40, 0.1).was(kinds.CLOCK_OFFSET, seconds, 0.02)
    return story


def test_one_reading_does_not_tell_whose_clock_is_wrong() -> None:
    """Two hours for half an hour, as on a computer that was just started: both are to be looked at, after all else."""
    story = one_reading(7_200.0).nights(kinds.ON_POWER, *[False] * 4)
    found = story.blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert found.summary == "The clock of this iPhone or of this computer is wrong"
    assert found.fix[0].startswith("Compare the clocks")
    assert story.diagnosis().causes[0].id == "no-power"


def test_a_second_phone_that_agrees_with_this_computer_is_a_witness() -> None:
    """So it is this phone's clock."""
    story = one_reading(7_200.0)
    story.others["other"] = Subjects(phone("other")).was(kinds.CLOCK_OFFSET, 0.0, 0.1)
    assert story.blamed(ID).certainty is Certainty.CERTAIN


def test_two_days_of_readings_are_enough() -> None:
    """Yesterday evening and this afternoon."""
    story = Story(3.5)
    story.phone.only(kinds.CLOCK_OFFSET, 0.0, 40, 1.2).was(kinds.CLOCK_OFFSET, 7_200.0, 0.9)
    assert story.blamed(ID).certainty is Certainty.CERTAIN
