"""Restarted and not unlocked since."""

from __future__ import annotations

from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "locked-since-restart"


def test_waiting_for_its_passcode_over_a_night_is_certain() -> None:
    """Since three days."""
    story = Story(4.0)
    story.phone.was(kinds.UNLOCKED_SINCE_BOOT, True, 40, 3.6).was(kinds.UNLOCKED_SINCE_BOOT, False, 3.5)
    found = story.blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert found.fix[0] == "Unlock the iPhone once with its passcode"


def test_restarted_an_hour_ago_cannot_explain_the_nights_before() -> None:
    """It is only possible."""
    story = Story(4.0)
    story.phone.was(kinds.UNLOCKED_SINCE_BOOT, True, 40, 0.1).was(kinds.UNLOCKED_SINCE_BOOT, False, 0.05)
    assert story.blamed(ID).certainty is Certainty.POSSIBLE


def test_error_209_is_certain() -> None:
    """Encryption keys are missing."""
    assert "error 209" in Story().log(1, "failure", 209).blamed(ID).evidence[0]


def test_unlocked_is_ruled_out_and_unread_not_checked() -> None:
    """One word each."""
    story = Story()
    story.phone.was(kinds.UNLOCKED_SINCE_BOOT, True, 1)
    assert isinstance(story.finding(ID), RuledOut)
    assert isinstance(Story().finding(ID), NotChecked)


def test_seen_locked_now_and_then_is_one_long_lock() -> None:
    """Met once a day: every sighting says that it waits for its passcode, and nothing in between says otherwise."""
    story = Story(4.0)
    story.phone.was(kinds.UNLOCKED_SINCE_BOOT, True, 40, 3.9)
    for days in (3.5, 2.5, 1.5, 0.1):
        story.phone.was(kinds.UNLOCKED_SINCE_BOOT, False, days, days)
    found = story.blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert "since Thu 19 Nov" in found.evidence[0]
    assert found.explains > 0.8


def test_unlocked_since_the_error_makes_it_past() -> None:
    """Of last night it is possible; of eight days ago it is over."""
    lately = Story().log(0.5, "failure", 209)
    lately.phone.was(kinds.UNLOCKED_SINCE_BOOT, True, 0.1)
    found = lately.blamed(ID)
    assert found.certainty is Certainty.POSSIBLE
    assert "had not been unlocked" in found.summary
    before = Story().log(8.4, "failure", 209)
    before.phone.was(kinds.UNLOCKED_SINCE_BOOT, True, 0.1)
    assert isinstance(before.finding(ID), RuledOut)
