"""Low Power Mode at night."""

from __future__ import annotations

from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "low-power-mode"


def test_on_in_every_known_night_is_likely() -> None:
    """Find My tells it."""
    found = Story().nights(kinds.LOW_POWER_MODE, *[True] * 9).blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert found.evidence == ("Low Power Mode was on in 9 of the last 9 nights that are known",)
    assert found.fix[0].startswith("On the iPhone open Settings > Battery > Power Mode")


def test_on_in_two_of_three_nights_is_possible() -> None:
    """Worth trying, no more."""
    assert Story(3.5).nights(kinds.LOW_POWER_MODE, False, True, True).blamed(ID).certainty is Certainty.POSSIBLE


def test_on_by_day_only_blames_nobody() -> None:
    """It switches itself off while charging."""
    story = Story().nights(kinds.LOW_POWER_MODE, *[True] * 9, hour=13)
    assert isinstance(story.finding(ID), NotChecked)


def test_off_is_ruled_out_and_unknown_not_checked() -> None:
    """Off at night; or nobody tells."""
    assert isinstance(Story().nights(kinds.LOW_POWER_MODE, *[False] * 9).finding(ID), RuledOut)
    assert isinstance(Story().finding(ID), NotChecked)
