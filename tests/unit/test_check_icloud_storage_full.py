"""iCloud storage is full: the room left against the next backup, and the phone's own error."""

from __future__ import annotations

import pytest
from facts_builder import Story, quota

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "icloud-storage-full"


def test_a_full_account_is_certain_and_shows_its_numbers() -> None:
    """4.99 of 5 GB; the next backup needs half a gigabyte."""
    found = Story().quota(4.99).on_account().blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert found.evidence[0] == "iCloud: 4.99 of 5.00 GB used, 0.01 GB free; the next backup needs about 0.5 GB"
    assert any("Back Up Now" in step and "week" in step for step in found.fix)


def test_little_room_is_likely() -> None:
    """300 MB free are not enough, and nobody has said so outright."""
    story = Story().on_account().quota(4.7, since=5)
    story.account.was(kinds.QUOTA, quota(2.0), 40, 5.1)
    assert story.blamed(ID).certainty is Certainty.LIKELY


def test_little_room_that_was_enough_for_the_last_backup_is_ruled_out() -> None:
    """As little was free on the day on which it worked."""
    found = Story().on_account().quota(4.7, since=40).finding(ID)
    assert isinstance(found, RuledOut)
    assert "hardly more room" in found.evidence[1]


def test_the_accounts_own_flag_makes_it_certain() -> None:
    """Apple says over quota."""
    story = Story().quota(4.7).on_account()
    story.account.only(kinds.OVER_QUOTA, True)
    assert story.blamed(ID).certainty is Certainty.CERTAIN


def test_error_303_is_the_phones_own_word() -> None:
    """Certain even without an account, and the code is quoted."""
    story = Story().log(1, "failure", 303).log(2, "failure", 303)
    found = story.blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert "2 times" in found.evidence[0]
    assert "error 303" in found.evidence[0]


def test_a_failure_before_a_completed_backup_is_past() -> None:
    """303 on Monday, completed on Tuesday."""
    story = Story().quota(2.0).log(5, "failure", 303).log(4, "completed")
    assert isinstance(story.finding(ID), RuledOut)


def test_plenty_of_room_is_ruled_out() -> None:
    """2 of 5 GB used."""
    assert Story().quota(2.0).finding(ID) == RuledOut(ID, ("iCloud: 2.00 of 5.00 GB used, 3.00 GB free",))


def test_another_persons_full_account_blames_nobody() -> None:
    """The phone is not among the account's devices."""
    story = Story().quota(5.0)
    story.account.only(kinds.ACCOUNT_DEVICES, [{"name": "Ben", "model": "iPhone12,1", "os_version": "26.1"}])
    assert isinstance(story.finding(ID), NotChecked)


def test_a_storage_last_read_long_ago_is_not_checked() -> None:
    """Two weeks old figures."""
    story = Story().quota(5.0).on_account()
    story.account.only(kinds.QUOTA, quota(5.0), 40, 14)
    assert isinstance(story.finding(ID), NotChecked)


@pytest.mark.parametrize(
    "value",
    [
        quota(5.0, 0.0),
        {"total_bytes": 5, "used_bytes": 1, "available_bytes": 900},
        {"total_bytes": -5, "used_bytes": 1},
        {},
        [],
        "full",
        {"total_bytes": True, "used_bytes": True},
    ],
)
def test_absurd_figures_are_not_checked(value: object) -> None:
    """A quota of zero says nothing."""
    story = Story()
    story.account.only(kinds.QUOTA, value)
    assert isinstance(story.finding(ID), NotChecked)


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("15.8", "Manage Storage"),
        ("17.5", "Manage Account Storage"),
        ("18.0", "iCloud > Storage"),
        ("27.0", "> Storage"),
    ],
)
def test_the_path_fits_the_phones_ios(version: str, path: str) -> None:
    """Settings was renamed twice."""
    story = Story().quota(5.0)
    story.phone.only(kinds.OS_VERSION, version)
    assert path in story.blamed(ID).fix[0]


def test_an_old_error_is_past_once_room_was_seen() -> None:
    """303 eight days ago, 160 GB free today: iOS has tried again since."""
    found = Story().quota(40, 200).on_account().log(8.4, "failure", 303).finding(ID)
    assert isinstance(found, RuledOut)
    assert found.evidence[0].startswith("iCloud has room again: 160.0 of 200.0 GB were free on")


def test_after_room_was_made_ios_may_still_wait_for_a_week() -> None:
    """303 three days ago, room today: only Back Up Now does not wait, and nothing is to be deleted."""
    found = Story().quota(40, 200).on_account().log(2.5, "failure", 303).blamed(ID)
    assert found.certainty is Certainty.POSSIBLE
    assert "was full" in found.summary
    assert "Back Up Now" in found.fix[0]


def test_seven_errors_outweigh_an_earlier_one_of_another_kind() -> None:
    """No internet eight days ago, no room on each of the seven nights since."""
    for code in (308, 305, 22, 209, 106):
        story = Story().quota(4.99).on_account().log(8.4, "failure", code)
        for night in range(7):
            story.log(0.5 + night, "failure", 303)
        first, second, *_ = story.diagnosis().causes
        assert (first.id, first.certainty) == (ID, Certainty.CERTAIN), code
        assert second.certainty is not Certainty.CERTAIN, code
        assert second.explains < 0.2, code


def test_a_few_gigabytes_of_a_large_plan_are_room_when_the_next_backup_fits() -> None:
    """9 of 2048 GB free, and it needs six."""
    assert isinstance(Story().quota(2039, 2048, 60).on_account().finding(ID), RuledOut)
