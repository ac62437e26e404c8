"""The ladder of general remedies: restart, update, sign out and in, reset; each step once the one before has failed."""

from __future__ import annotations

from facts_builder import Story, ago

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.judge.finding import Blamed, Certainty, NotChecked, RuledOut


def session(story: Story, *since: float) -> Story:
    """The phone was started so many days ago, each time anew."""
    ends = [*(later + 0.05 for later in since[1:]), 0.0]
    for number, (start, end) in enumerate(zip(since, ends, strict=True)):
        story.phone.was(kinds.BOOT_SESSION, f"boot-{number}", start, end)
    return story


def order(story: Story) -> list[str]:
    return [cause.id for cause in story.diagnosis().causes]


def test_long_without_a_restart_comes_first() -> None:
    """Running for 74 days."""
    story = session(Story(9.5, watched=74.5), 74.5)
    found = story.blamed("restart-iphone")
    assert found.evidence == ("Running for 74 days without a restart",)
    assert order(story) == ["restart-iphone"]
    assert isinstance(story.finding("sign-in-needed"), NotChecked)
    assert isinstance(story.finding("reset-settings"), NotChecked)


def test_after_a_restart_comes_the_update() -> None:
    """Restarting on Tuesday did not help; next: update iOS."""
    story = session(Story(9.5), 40, 4.8).out("26.3")
    assert story.finding("restart-iphone") == RuledOut("restart-iphone", ("Restarting on Tue 17 Nov did not help",))
    assert order(story) == ["update-ios"]
    assert story.blamed("update-ios").evidence[-1] == "Restarting on Tue 17 Nov did not help"
    assert isinstance(story.finding("sign-in-needed"), NotChecked)


def test_a_restart_of_today_must_first_see_a_night() -> None:
    """Nothing else is suggested in its place yet."""
    story = session(Story(9.5), 40, 0.2)
    found = story.finding("restart-iphone")
    assert isinstance(found, NotChecked)
    assert "tonight" in found.reason


def test_after_restart_and_update_comes_signing_in_again() -> None:
    """Nothing newer is out."""
    story = session(Story(9.5), 40, 4.8).out("26.1")
    assert order(story) == ["sign-in-needed"]
    assert story.blamed("sign-in-needed").last_resort


def test_last_of_all_comes_the_reset() -> None:
    """Restarted, newest iOS, signed out and in: all in vain."""
    story = session(Story(9.5), 40, 4.8).out("26.1")
    story.phone.was(kinds.FIND_MY_ON, True, 40, 3.3).was(kinds.FIND_MY_ON, False, 3.2, 3.1).was(
        kinds.FIND_MY_ON, True, 3
    )
    assert order(story) == ["reset-settings"]
    evidence = story.blamed("reset-settings").evidence[0]
    assert evidence == "Restarting on Tue 17 Nov and signing in again on Thu 19 Nov did not help"


def test_a_certain_cause_lets_the_ladder_wait() -> None:
    """iCloud Backup is off: nobody should restart for that."""
    story = session(Story(9.5), 40).out("26.3")
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, False, 9.4)
    assert order(story) == ["icloud-backup-off"]
    assert isinstance(story.finding("update-ios"), NotChecked)


def test_errors_inside_ios_make_a_restart_likely() -> None:
    """Error 19: internal messaging broke."""
    found = session(Story(9.5), 10).log(1, "failure", 19).blamed("restart-iphone")
    assert found.certainty is Certainty.LIKELY
    assert not found.last_resort


def test_without_a_boot_session_a_restart_is_not_checked() -> None:
    """Some connections do not tell it."""
    assert isinstance(Story().finding("restart-iphone"), NotChecked)
    story = Story()
    story.phone.was(kinds.BOOT_SESSION, None, 40)
    assert isinstance(story.finding("restart-iphone"), NotChecked)


def test_the_update_counts_as_a_restart_but_not_the_other_way_round() -> None:
    """Both changed at once."""
    story = session(Story(9.5), 40, 4.8).out("26.3")
    story.phone.drop(kinds.OS_VERSION)
    story.phone.was(kinds.OS_VERSION, "26.1", 40, 4.85).was(kinds.OS_VERSION, "26.3", 4.8)
    assert isinstance(story.finding("sign-in-needed"), Blamed)


def test_switching_icloud_backup_on_again_is_not_signing_in_again() -> None:
    """Off for a week, on again yesterday as advised, restarted since: the reset is not next."""
    story = session(Story(9.5), 40, 1.85).out("26.1")
    story.phone.only(kinds.LAST_CLOUD_BACKUP, rfc3339(ago(9.5)), 9.4, 9).was(kinds.LAST_CLOUD_BACKUP, None, 8.9)
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, True, 40, 9).was(kinds.CLOUD_BACKUP_ENABLED, False, 8.9, 2)
    story.phone.was(kinds.CLOUD_BACKUP_ENABLED, True, 1.9)
    assert isinstance(story.finding("reset-settings"), NotChecked)
    assert order(story) == ["sign-in-needed"]


def test_a_phone_that_was_not_met_for_days_is_not_said_to_run_today() -> None:
    """First met 39 days ago, last met four and a half days ago."""
    story = Story(9.5)
    story.phone.was(kinds.BOOT_SESSION, "boot", 39, 4.5)
    assert story.blamed("restart-iphone").evidence == ("Running for 34 days without a restart",)


def test_a_restart_while_icloud_backup_was_off_is_not_said_to_have_failed() -> None:
    """Restarted a week ago, switched on again only today: nothing dearer is advised before a night has shown."""
    story = session(Story(9.5), 40, 7.9).out("26.1")
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, True, 40, 9).was(kinds.CLOUD_BACKUP_ENABLED, False, 8.9, 0.2)
    story.phone.was(kinds.CLOUD_BACKUP_ENABLED, True, 0.1)
    assert order(story) == []
    found = story.finding("restart-iphone")
    assert isinstance(found, NotChecked)
    assert "tonight" in found.reason
