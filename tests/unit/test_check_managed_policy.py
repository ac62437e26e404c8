"""An organisation forbids iCloud Backup."""

from __future__ import annotations

import pytest
from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "managed-policy"


def managed(*, enabled: bool = False) -> Story:
    story = Story(None)
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, enabled)
    story.phone.was(kinds.SUPERVISED, True, 40).was(kinds.ORGANISATION, "Example \x1b[31mSchool", 40)
    return story


def test_managed_and_off_is_likely_and_told_before_the_switch() -> None:
    """The person cannot turn it on, so the switch comes second."""
    found = managed()
    assert found.blamed(ID).evidence == ("The iPhone is managed by Example School, and iCloud Backup is off",)
    assert [cause.id for cause in found.diagnosis().causes[:2]] == [ID, "icloud-backup-off"]


def test_error_22_is_certain() -> None:
    """The phone's own word."""
    found = Story().log(1, "failure", 22).blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert Story().log(1, "policy").blamed(ID).certainty is Certainty.CERTAIN


def test_managed_but_on_is_ruled_out_and_so_is_a_private_phone() -> None:
    """Nobody forbids anything."""
    assert isinstance(managed(enabled=True).finding(ID), RuledOut)
    story = Story()
    story.phone.was(kinds.SUPERVISED, False, 40).was(kinds.PROFILES, [], 40)
    assert isinstance(story.finding(ID), RuledOut)


def test_unknown_management_is_not_checked() -> None:
    """The service did not answer."""
    assert isinstance(Story().finding(ID), NotChecked)


@pytest.mark.parametrize("line", [("policy", None), ("failure", 22)])
def test_a_policy_that_was_lifted_is_no_cause(line: tuple[str, int | None]) -> None:
    """Forbidden eight days ago; this morning the phone says that its backup is on."""
    story = Story().log(8.4, *line).log(0.5, "on-condition", enabled=True, onPower=True, locked=True, onWiFi=True)
    assert isinstance(story.finding(ID), NotChecked)
