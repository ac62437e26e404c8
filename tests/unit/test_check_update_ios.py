"""A newer iOS: a step of the ladder, said with version and days."""

from __future__ import annotations

from facts_builder import MODEL, Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "update-ios"


def test_a_newer_ios_is_worth_trying() -> None:
    """26.3 came out 41 days ago."""
    found = Story().out("26.3", 41.5).blamed(ID)
    assert found.certainty is Certainty.POSSIBLE
    assert found.last_resort
    assert found.evidence == ("iOS 26.1; 26.3 came out 41 days ago",)


def test_the_newest_is_ruled_out() -> None:
    """Nothing newer for this model, however old it is."""
    story = Story().out("16.7.16", 200)
    story.phone.only(kinds.OS_VERSION, "16.7.16")
    assert story.finding(ID) == RuledOut(ID, ("iOS 16.7.16 is the newest for this iPhone",))


def test_the_newest_of_its_own_line_is_not_called_outdated() -> None:
    """18.7.8 has its repairs; 26.6.1 is another line."""
    story = Story().out("26.6.1", v18="18.7.8", v26="26.6.1")
    story.phone.only(kinds.OS_VERSION, "18.7.8")
    assert "newest of its line" in story.blamed(ID).evidence[0]


def test_versions_are_compared_as_versions() -> None:
    """26.10 is newer than 26.9."""
    story = Story().out("26.10")
    story.phone.only(kinds.OS_VERSION, "26.9")
    assert "26.9; 26.10" in story.blamed(ID).evidence[0]


def test_error_203_makes_it_the_reason() -> None:
    """The backup in iCloud was made by a newer iOS."""
    found = Story().log(1, "failure", 203).blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert not found.last_resort


def test_without_list_model_or_version_it_is_not_checked() -> None:
    """Unknown is not outdated."""
    assert isinstance(Story().finding(ID), NotChecked)
    story = Story().out("26.3")
    story.releases.only(kinds.IOS_RELEASES, {"iPhone1,1": {"version": "3.1.3"}})
    assert isinstance(story.finding(ID), NotChecked)
    for nonsense in ("Beta of Doom", "", "26.", "²⁶"):
        story = Story().out("26.3")
        story.phone.only(kinds.OS_VERSION, nonsense)
        assert isinstance(story.finding(ID), NotChecked)


def test_an_update_since_then_is_remembered() -> None:
    """Updated four days ago to the newest, and still nothing."""
    story = Story().out("26.3")
    story.phone.drop(kinds.OS_VERSION)
    story.phone.was(kinds.OS_VERSION, "26.1", 40, 4.1).was(kinds.OS_VERSION, "26.3", 4)
    found = story.finding(ID)
    assert isinstance(found, RuledOut)
    assert "Updating to iOS 26.3 on Wed 18 Nov did not help" in found.evidence
    assert MODEL not in str(found)


def test_an_update_of_today_must_first_see_a_night() -> None:
    """Nothing is said against it before that."""
    story = Story().out("26.4")
    story.phone.drop(kinds.OS_VERSION)
    story.phone.was(kinds.OS_VERSION, "26.1", 40, 0.2).was(kinds.OS_VERSION, "26.3", 0.1)
    assert isinstance(story.finding(ID), NotChecked)


def test_an_ipad_has_ipados() -> None:
    """Its own name, in the sentence and in the steps."""
    story = Story().out("26.3")
    story.phone.only(kinds.MODEL, "iPad14,1")
    story.releases.only(kinds.IOS_RELEASES, {"iPad14,1": {"version": "26.3"}})
    found = story.blamed(ID)
    assert found.summary == "A newer iPadOS is out for this iPad"
    assert found.evidence == ("iPadOS 26.1; 26.3 is out",)


def test_an_update_since_the_error_answers_it() -> None:
    """203 a week ago, updated to the newest since."""
    story = Story().out("26.3").log(7, "failure", 203)
    story.phone.drop(kinds.OS_VERSION)
    story.phone.was(kinds.OS_VERSION, "26.1", 40, 4.1).was(kinds.OS_VERSION, "26.3", 4)
    assert isinstance(story.finding(ID), RuledOut)
