"""What the command line says of itself and how it says it, without a phone or a network."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from backupwatch.cli.app import app
from backupwatch.cli.opening import pick
from backupwatch.errors import BackupwatchError


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


NAMELESS = [("00008140-0000000000000A01", ""), ("00008140-0000000000000A02", ""), ("00008140-0000000000000B03", "Anna")]


def test_phones_without_a_name_are_told_apart_by_the_end_of_the_udid() -> None:
    """As they are shown, so they can be named."""
    with pytest.raises(BackupwatchError) as refused:
        pick(["a phone without a name"], NAMELESS)
    assert "a phone without a name (…0A01), a phone without a name (…0A02)" in refused.value.line()
    for word in ("a phone without a name (…0A02)", "…0A02", "0a02", "phone …0A02"):
        assert pick([word], NAMELESS) == ["00008140-0000000000000A02"]
    assert pick(["a phone"], NAMELESS[1:]) == ["00008140-0000000000000A02"]
    with pytest.raises(BackupwatchError):
        pick(["-"], NAMELESS[2:])


def test_the_list_of_known_phones_says_how_many_it_leaves_out() -> None:
    """A school has more than six."""
    cart = [(f"00008140-{number:016X}", f"iPad {number}") for number in range(15)]
    with pytest.raises(BackupwatchError, match="iPad 5 and 9 more"):
        pick(["Zoe"], cart)
