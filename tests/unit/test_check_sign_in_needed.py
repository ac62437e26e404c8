"""The sign-in needs attention: by the phone's error, by the account, never by our own session alone."""

from __future__ import annotations

import pytest
from facts_builder import Story, ago

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import BlindReason
from backupwatch.judge.finding import Certainty, NotChecked

ID = "sign-in-needed"


@pytest.mark.parametrize("code", [305, 307, 210])
def test_the_phones_error_is_certain(code: int) -> None:
    """Not authenticated."""
    found = Story().log(1, "failure", code).blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert f"error {code}" in found.evidence[0]


@pytest.mark.parametrize(("state", "words"), [("locked", "is locked"), ("terms", "terms")])
def test_a_locked_account_and_new_terms_are_certain(state: str, words: str) -> None:
    """Apple says so of this account."""
    story = Story().on_account()
    story.account.only(kinds.ACCOUNT_STATE, state, 9)
    found = story.blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert words in found.summary


def test_a_session_of_ours_that_ran_out_long_after_blames_nobody() -> None:
    """Every two months it does; the phone knows nothing of it."""
    story = Story(9.5).on_account()
    story.account.was(kinds.ACCOUNT_STATE, "ok", 40, 3.1).was(kinds.ACCOUNT_STATE, "sign-in-needed", 3)
    assert isinstance(story.finding(ID), NotChecked)


def test_a_session_that_ended_with_the_backups_is_likely() -> None:
    """A changed password ends both."""
    story = Story(9.5).on_account()
    story.account.was(kinds.ACCOUNT_STATE, "ok", 40, 9.1).was(kinds.ACCOUNT_STATE, "sign-in-needed", 9)
    assert story.blamed(ID).certainty is Certainty.LIKELY


def test_find_my_switched_off_with_the_backups_is_likely() -> None:
    """Signing out does that."""
    story = Story(9.5)
    story.phone.was(kinds.FIND_MY_ON, True, 40, 9.1).was(kinds.FIND_MY_ON, False, 9)
    assert story.blamed(ID).certainty is Certainty.LIKELY


def test_find_my_that_was_always_off_says_nothing() -> None:
    """Some people do not want it."""
    story = Story(9.5)
    story.phone.was(kinds.FIND_MY_ON, False, 40)
    assert isinstance(story.finding(ID), NotChecked)


def test_old_ios_calls_the_account_by_its_old_name() -> None:
    """Apple ID until iOS 18."""
    story = Story().on_account()
    story.account.only(kinds.ACCOUNT_STATE, "locked", 9)
    story.phone.only(kinds.OS_VERSION, "17.6")
    assert story.blamed(ID).summary == "The Apple ID is locked"


def test_a_state_read_four_times_a_day_began_with_its_first_reading() -> None:
    """The session ended with the backups, nine days ago, and was looked at thirty times since."""
    story = Story(9.5).on_account()
    story.account.was(kinds.ACCOUNT_STATE, "ok", 10, 10)
    for quarter in range(36, 0, -1):
        story.account.was(kinds.ACCOUNT_STATE, "sign-in-needed", quarter / 4, quarter / 4)
    assert story.blamed(ID).certainty is Certainty.LIKELY


def test_a_session_that_ended_when_it_was_due_blames_nobody() -> None:
    """After its two months, by chance in the same week."""
    story = Story(9.5).on_account()
    story.account.was(kinds.ACCOUNT_STATE, "ok", 40, 9.1).was(kinds.ACCOUNT_STATE, "sign-in-needed", 9)
    story.account.was(kinds.SESSION_EXPIRES, rfc3339(ago(9.05)), 40, 9.1)
    assert isinstance(story.finding(ID), NotChecked)


def test_a_session_that_ended_before_its_time_is_possible_also_later_in_the_gap() -> None:
    """Backups had been missing for some nights; it explains the rest."""
    story = Story(9.5).on_account()
    story.account.was(kinds.ACCOUNT_STATE, "ok", 40, 5.1).was(kinds.ACCOUNT_STATE, "sign-in-needed", 5)
    story.account.was(kinds.SESSION_EXPIRES, rfc3339(ago(-30)), 40, 5.1)
    found = story.blamed(ID)
    assert found.certainty is Certainty.POSSIBLE
    assert 0.4 < found.explains < 0.6


@pytest.mark.parametrize(("state", "reason"), [("locked", BlindReason.REFUSED), ("terms", BlindReason.SIGN_IN)])
def test_what_apple_said_last_holds_while_the_account_is_not_asked_again(state: str, reason: BlindReason) -> None:
    """Locked three days ago; since then a person must act, so nobody looks. Anything else is old after two days."""
    story = Story(3.2).on_account()
    story.account.only(kinds.ACCOUNT_DEVICES, story.account.tracks[kinds.ACCOUNT_DEVICES][0].value, 40, 2.9)
    story.account.only(kinds.ACCOUNT_STATE, "ok", 40, 3.0).was(kinds.ACCOUNT_STATE, state, 2.9, 2.9)
    assert isinstance(story.finding(ID), NotChecked)
    story.account.blind("icloud", reason, 2.9)
    found = story.blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert found.evidence[0].startswith("Apple said on Thu 19 Nov")


def test_another_accounts_phone_is_not_blamed_for_a_lock_of_last_week() -> None:
    """The account did not list it when it was last asked."""
    story = Story(3.2)
    story.account.was(kinds.ACCOUNT_DEVICES, [{"name": "Ben", "model": "iPhone12,1", "os_version": "26.1"}], 40, 2.9)
    story.account.was(kinds.ACCOUNT_STATE, "locked", 2.9, 2.9).blind("icloud", BlindReason.REFUSED, 2.9)
    assert isinstance(story.finding(ID), NotChecked)


def test_a_session_that_ended_with_the_backups_is_likely_while_nobody_signs_in() -> None:
    """The account wants a person, who has not come for nine days."""
    story = Story(9.5).on_account()
    story.account.was(kinds.ACCOUNT_STATE, "ok", 40, 9.1).was(kinds.ACCOUNT_STATE, "sign-in-needed", 9, 9)
    story.account.blind("icloud", BlindReason.SIGN_IN, 9)
    assert story.blamed(ID).certainty is Certainty.LIKELY
