"""A restore still runs."""

from __future__ import annotations

import pytest
from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "restore-in-progress"


def restore(word: object) -> Story:
    story = Story(4.0)
    story.phone.was(kinds.RESTORE_STATE, word, 4)
    return story


@pytest.mark.parametrize("word", ["Restoring", "RestoreInProgress", "downloading items"])
def test_the_phones_word_is_certain(word: str) -> None:
    """Whichever it uses."""
    assert restore(word).blamed(ID).certainty is Certainty.CERTAIN


@pytest.mark.parametrize("word", ["Complete", "RestoreFinished", "DoneRestoring"])
def test_a_finished_restore_is_ruled_out(word: str) -> None:
    """It is over."""
    assert isinstance(restore(word).finding(ID), RuledOut)


@pytest.mark.parametrize("word", ["Wibble", 3, None])
def test_an_unknown_word_is_not_checked(word: object) -> None:
    """No confident sentence from it."""
    assert isinstance(restore(word).finding(ID), NotChecked)


def test_the_log_tells_it_and_takes_it_back() -> None:
    """Restoring yesterday; this morning's condition line no longer says so."""
    story = Story(4.0).log(1.0, "restoring")
    assert story.blamed(ID).certainty is Certainty.CERTAIN
    story.log(0.4, "on-condition", enabled=True, locked=True)
    assert isinstance(story.finding(ID), NotChecked)
