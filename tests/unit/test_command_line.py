"""What the command line says of itself and how it says it, without a phone or a network."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from backupwatch.cli.app import app


def said(*words: str) -> str:
    """What a call prints, on 80 columns."""
    return CliRunner().invoke(app, words, env={"COLUMNS": "80", "TERM": "dumb"}).output


def test_a_misspelt_command_gets_one_suggestion() -> None:
    """Once is enough."""
    for words in (["chekc"], ["config", "pth"], ["service", "strat"]):
        assert said(*words).count("Did you mean") == 1


@pytest.mark.parametrize("command", ["check", "status", "history", "snooze", "unsnooze", "pair"])
def test_help_says_what_a_device_is(command: str) -> None:
    """A name or a UDID, and its beginning is enough."""
    words = " ".join(said(command, "--help").split())
    assert "name or UDID" in words
    assert "beginning of either" in words


@pytest.mark.parametrize("group", ["config", "service"])
def test_the_list_of_commands_cuts_no_sentence(group: str) -> None:
    """Each command has its line."""
    assert "..." not in said(group, "--help").partition("Commands:")[2]
