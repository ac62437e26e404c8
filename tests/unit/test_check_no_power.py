"""Not charging at night, judged over nights."""

from __future__ import annotations

from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Blamed, Certainty, NotChecked, RuledOut

ID = "no-power"
Y, N = True, False


def test_no_night_on_the_charger_is_to_blame() -> None:
    """Charging on none of the known nights."""
    found = Story().nights(kinds.FIND_MY_CHARGING, N, N, N, N, N, N).blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert found.evidence == ("Charging on 0 of the last 6 nights that are known",)


def test_one_good_night_among_nine_still_blames() -> None:
    """Charging on 1 of the last 9 nights."""
    found = Story().nights(kinds.FIND_MY_CHARGING, N, N, N, Y, N, N, N, N, N).blamed(ID)
    assert found.evidence == ("Charging on 1 of the last 9 nights that are known",)
    assert 0.8 < found.explains < 0.9


def test_the_phones_own_word_is_certain() -> None:
    """Its log says onPower:0 in those nights."""
    story = Story(3.5)
    for back in range(3):
        story.log(story.last_night(back), "off-condition", onPower=False, locked=True, onWiFi=True)
    assert story.blamed(ID).certainty is Certainty.CERTAIN


def test_one_bad_night_blames_nobody() -> None:
    """A single known night out of nine."""
    assert isinstance(Story().nights(kinds.FIND_MY_CHARGING, N).finding(ID), NotChecked)


def test_every_other_night_is_possible() -> None:
    """Two of four: worth trying, no more."""
    story = Story(4.5).nights(kinds.ON_POWER, N, Y, N, Y)
    assert story.blamed(ID).certainty is Certainty.POSSIBLE


def test_two_nights_that_disagree_settle_nothing() -> None:
    """One charged, one not: said with its numbers."""
    found = Story(4.5).nights(kinds.ON_POWER, N, Y).finding(ID)
    assert found == NotChecked(ID, "charging on 1 of the 2 nights that are known, which is too little to judge by")


def test_charging_at_night_is_ruled_out() -> None:
    """Five of five."""
    assert isinstance(Story().nights(kinds.ON_POWER, Y, Y, Y, Y, Y).finding(ID), RuledOut)


def test_attached_to_this_computer_now_proves_nothing() -> None:
    """It charges because it is attached."""
    story = Story()
    story.phone.was(kinds.ON_POWER, Y, 0.1)
    assert isinstance(story.finding(ID), NotChecked)


def test_charging_but_never_locked_is_told_as_such() -> None:
    """On its charger every night, and in use: the lock is the problem, not the power."""
    story = Story().nights(kinds.ON_POWER, *[Y] * 9).nights(kinds.LOCKED, *[N] * 9)
    story.phone.at(kinds.LOCKED, True, story.case().now)
    found = story.blamed(ID)
    assert found.summary == "The iPhone charges at night, but is not left locked"


def test_a_phone_without_a_passcode_is_not_called_unlocked() -> None:
    """It never reports a lock."""
    story = Story().nights(kinds.ON_POWER, *[Y] * 9).nights(kinds.LOCKED, *[N] * 9)
    assert isinstance(story.finding(ID), RuledOut)


def test_backups_broken_off_by_unlocking_quote_the_code() -> None:
    """Cancel code 218, in two nights."""
    story = Story().nights(kinds.ON_POWER, *[Y] * 9)
    story.log(story.last_night(), "cancelled", 218).log(story.last_night(), "failure", 218)
    story.log(story.last_night(1), "failure", 218)
    found = story.blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert "code 218" in found.evidence[0]
    assert found.evidence[0].startswith("2 backups")


def test_backups_broken_off_by_unplugging_are_certain() -> None:
    """Cancel code 219, twice."""
    story = Story().log(1.5, "failure", 219).log(2.5, "failure", 219)
    found = story.finding(ID)
    assert isinstance(found, Blamed)
    assert "code 219" in found.evidence[0]


def test_unplugged_early_in_the_morning_is_a_night_on_the_charger() -> None:
    """Charging when it was met before midnight; its log says onPower:0 at a quarter past five, when that changed."""
    story = Story().nights(kinds.ON_POWER, *[Y] * 9, hour=-1)
    for back in range(9):
        story.log(story.last_night(back) - 3.25 / 24, "off-condition", onPower=False, locked=False, onWiFi=True)
    assert isinstance(story.finding(ID), RuledOut)


def test_backups_that_ios_puts_off_night_after_night_are_possible() -> None:
    """Cancel code 223, in two nights; in one it is nothing."""
    story = Story()
    story.log(story.last_night(), "cancelled", 223)
    assert isinstance(story.finding(ID), NotChecked)
    story.log(story.last_night(1), "cancelled", 223)
    found = story.blamed(ID)
    assert found.certainty is Certainty.POSSIBLE
    assert "code 223" in found.evidence[0]


def test_two_unlocked_nights_do_not_outweigh_the_errors_of_the_seven_since() -> None:
    """Broken off by unlocking at first, no room in iCloud since."""
    story = Story().quota(4.99).on_account().log(8.4, "cancelled", 218).log(7.4, "cancelled", 218)
    for night in range(7):
        story.log(0.5 + night, "failure", 303)
    assert story.diagnosis().causes[0].id == "icloud-storage-full"
    assert story.blamed(ID).certainty is Certainty.LIKELY
