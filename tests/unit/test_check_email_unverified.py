"""The silent one: an unverified e-mail address."""

from __future__ import annotations

from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "email-unverified"


def unverified(backup: float | None = 9.5, since: float = 40.0) -> Story:
    story = Story(backup).on_account()
    story.account.only(kinds.EMAIL_VERIFIED, False, since)
    return story


def test_never_backed_up_with_an_unverified_address_is_certain() -> None:
    """Automatic backups never start."""
    found = unverified(None).blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert "not verified" in found.evidence[0]


def test_an_address_seen_unverified_from_the_first_look_on_explains_the_whole_gap() -> None:
    """We began to look yesterday; it may have been so for ever."""
    story = Story(9.5).on_account()
    story.account.only(kinds.EMAIL_VERIFIED, False, 1.0)
    assert story.blamed(ID).explains == 1.0


def test_the_phones_own_line_is_certain() -> None:
    """Found account … (1,0,…)."""
    story = Story().log(1, "account", enabled=True, emailVerified=False)
    assert story.blamed(ID).certainty is Certainty.CERTAIN


def test_backups_made_in_spite_of_it_speak_against_it() -> None:
    """Unverified for forty days, backed up nine days ago."""
    assert isinstance(unverified(9.5, 40).finding(ID), RuledOut)


def test_a_fresh_phone_is_warned_only_after_a_day_without_a_backup_since() -> None:
    """No alarm while backups go on."""
    (fresh,) = unverified(0.5, 40).verdict().devices
    assert fresh.causes == ()
    (warned,) = unverified(2.5, 2.4).verdict().devices
    assert [(cause.id, cause.warning) for cause in warned.causes] == [(ID, True)]


def test_verified_is_ruled_out_and_unknown_not_checked() -> None:
    """One word each."""
    story = Story()
    story.account.only(kinds.EMAIL_VERIFIED, True)
    assert isinstance(story.finding(ID), RuledOut)
    assert isinstance(Story().finding(ID), NotChecked)


def test_a_backup_made_after_the_address_was_found_unverified_postpones_the_warning() -> None:
    """Found yesterday, backed up last night: no night without a backup has passed yet."""
    (device,) = unverified(0.5, 1.1).verdict().devices
    assert device.causes == ()
