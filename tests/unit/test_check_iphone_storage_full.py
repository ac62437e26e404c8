"""The phone itself is full."""

from __future__ import annotations

from typing import Any

import pytest
from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "iphone-storage-full"
GB = 1_000_000_000


def with_room(free: Any, total: Any = 128 * GB) -> Story:
    story = Story()
    story.phone.was(kinds.DISK_AVAILABLE, free, 40).was(kinds.DISK_TOTAL, total, 40)
    return story


@pytest.mark.parametrize(
    ("free", "certainty"), [(0, Certainty.CERTAIN), (GB // 10, Certainty.CERTAIN), (GB // 2, Certainty.LIKELY)]
)
def test_no_room_is_to_blame(free: int, certainty: Certainty) -> None:
    """The less, the surer."""
    found = with_room(free).blamed(ID)
    assert found.certainty is certainty
    assert "of 128 GB are free" in found.evidence[0]
    assert found.fix[0].startswith("On the iPhone open Settings > General > iPhone Storage and delete")


def test_error_106_is_certain() -> None:
    """Disk full, says the phone, and nobody has seen room since."""
    found = Story().log(1, "failure", 106).blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert "error 106" in found.evidence[0]


def test_room_that_was_seen_after_the_error_makes_it_past() -> None:
    """Of last night it is possible; of eight days ago it is over."""
    lately = with_room(5 * GB).log(1, "failure", 106).blamed(ID)
    assert lately.certainty is Certainty.POSSIBLE
    assert "was full when it last tried" in lately.summary
    assert isinstance(with_room(60 * GB).log(8.4, "failure", 105).finding(ID), RuledOut)


def test_room_is_ruled_out() -> None:
    """Twenty gigabytes are plenty."""
    assert with_room(20 * GB).finding(ID) == RuledOut(ID, ("20.0 GB of 128 GB are free on the iPhone",))


@pytest.mark.parametrize(("free", "total"), [(None, 1), (-1, 128 * GB), (200 * GB, 128 * GB), ("much", "more")])
def test_absurd_sizes_are_not_checked(free: Any, total: Any) -> None:
    """More free than there is."""
    assert isinstance(with_room(free, total).finding(ID), NotChecked)
