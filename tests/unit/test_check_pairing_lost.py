"""The phone no longer trusts this computer."""

from __future__ import annotations

from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut, State

ID = "pairing-lost"


def lost(backup: float = 9.5, since: float = 1.0) -> Story:
    story = Story(backup)
    story.phone.drop(kinds.TRUST)
    story.phone.was(kinds.TRUST, "trusted", 8, since + 1).was(kinds.TRUST, "lost", since)
    return story


def test_a_refused_pairing_is_certain_and_says_when_it_last_worked() -> None:
    """Both moments."""
    found = lost().blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert found.evidence[1].startswith("It last accepted this computer on Fri 20 Nov")
    assert "Trust" in found.fix[1]


def test_trusted_is_ruled_out_and_never_paired_is_not_lost() -> None:
    """A new phone has nothing to lose."""
    assert isinstance(Story().finding(ID), RuledOut)
    story = Story()
    story.phone.only(kinds.TRUST, "never", 0.1)
    assert isinstance(story.finding(ID), NotChecked)


def test_a_phone_that_can_no_longer_be_read_says_why() -> None:
    """Its last date was read weeks ago; the state is unknown, the cause is not."""
    story = Story(22.0)
    for kind in list(story.phone.tracks):
        value = story.phone.tracks[kind][-1].value
        story.phone.only(kind, value, 40 if kind != kinds.LAST_CLOUD_BACKUP else 22, 20)
    story.phone.was(kinds.CONNECTION, "usb", 0.1).was(kinds.TRUST, "lost", 0.1)
    (device,) = story.verdict().devices
    assert device.state is State.UNKNOWN
    assert [cause.id for cause in device.causes] == [ID]
