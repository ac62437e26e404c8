"""iCloud Backup is off: the phone says so, and when."""

from __future__ import annotations

from facts_builder import Story, ago

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "icloud-backup-off"


def switched_off(backup: float, off: float) -> Story:
    story = Story(backup)
    story.phone.drop(kinds.LAST_CLOUD_BACKUP, kinds.CLOUD_BACKUP_ENABLED)
    story.phone.was(kinds.LAST_CLOUD_BACKUP, rfc3339(ago(backup)), backup, off + 0.1)
    story.phone.was(kinds.LAST_CLOUD_BACKUP, None, off)
    story.phone.was(kinds.CLOUD_BACKUP_ENABLED, True, 40, off + 0.1).was(kinds.CLOUD_BACKUP_ENABLED, False, off)
    return story


def test_off_is_certain_and_says_when_it_was_switched() -> None:
    """The switch, the hours between which it was thrown, and the date that vanished."""
    found = switched_off(9.5, 9.0).blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert "iCloud Backup was switched off between Fri 13 Nov" in " ".join(found.evidence)
    assert "was gone on" in " ".join(found.evidence)
    assert found.fix[0].endswith("iCloud Backup and turn on Back Up This iPhone")


def test_on_is_ruled_out() -> None:
    """The phone says that it is on."""
    assert Story().finding(ID) == RuledOut(ID, ("iCloud Backup is on",))


def test_an_unread_switch_is_not_checked() -> None:
    """Unknown is not off."""
    story = Story()
    story.phone.drop(kinds.CLOUD_BACKUP_ENABLED)
    assert isinstance(story.finding(ID), NotChecked)
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, "no")
    assert isinstance(story.finding(ID), NotChecked)


def test_backups_that_go_on_although_it_says_off_speak_against_it() -> None:
    """The flag can mean that computer backups are preferred."""
    story = Story(5.0)
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, False, 40)
    assert isinstance(story.finding(ID), RuledOut)


def test_just_switched_off_is_a_warning_before_anything_is_stale() -> None:
    """Backed up yesterday, switched off today."""
    (device,) = switched_off(1.0, 0.5).verdict().devices
    (cause,) = device.causes
    assert (cause.id, cause.warning) == (ID, True)


def test_a_switch_thrown_yesterday_does_not_explain_nine_days() -> None:
    """It explains the last day of them."""
    assert switched_off(9.5, 1.0).blamed(ID).explains < 0.2


def test_a_backup_broken_off_by_the_switch_tells_of_it_where_it_cannot_be_read() -> None:
    """Cancel code 217."""
    story = Story().log(1.5, "cancelled", 217)
    assert isinstance(story.finding(ID), RuledOut)
    story.phone.drop(kinds.CLOUD_BACKUP_ENABLED)
    found = story.blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert "code 217" in found.evidence[0]
