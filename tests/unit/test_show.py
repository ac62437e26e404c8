"""The table reads right at every width, without colour, with every name, on every terminal.

``BACKUPWATCH_GOLDEN=write`` writes the golden files anew; look at them before they are committed.
"""

from __future__ import annotations

import io
import os
import re
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from household import BACKUP_OFF, NOW, account, device, nights, verdict
from hypothesis import given
from hypothesis import strategies as st
from nasty import nasty_names
from rich.cells import cell_len
from rich.console import Console

from backupwatch.cli import show
from backupwatch.judge.finding import State
from backupwatch.judge.watcher import Problem
from backupwatch.view.words import Watching

GOLDEN = Path(__file__).parents[1] / "golden"
WATCHING = Watching(True, NOW - timedelta(days=3), NOW - timedelta(minutes=12), NOW + timedelta(minutes=18))


def household() -> show.Sight:
    """Every state, wide and right-to-left names, one phone with a cause."""
    devices = (
        device("Mia's iPhone", State.OVERDUE, cloud=8.5, causes=(BACKUP_OFF,),
               evidence=("The last backup was made on Sat 14 Nov, 01:47, 8 days ago",)),
        device("祖母のiPhone プロ", State.STALE, cloud=4.2, local=3.9),
        device("האייפון של דנה", State.NEVER, cloud=None),
        device("Family iPad", State.UNSEEN, cloud=8.6),
        device("👩‍👩‍👧 Ben", State.FRESH, cloud=0.4, local=400),
        device("Old phone in the drawer of the kitchen", State.IGNORED, cloud=700),
    )  # fmt: skip
    strips = {each.udid: nights(letters * 3) for each, letters in zip(
        devices, ("####xxxxxx", "#########x", "xxxxxxxxxx", "###.......", "##########", ".........."), strict=True,
    )}  # fmt: skip
    whole = verdict(*devices, of=account(4.6, NOW + timedelta(days=20)))
    problem = Problem("config", "The configuration has a mistake.", "Run: backupwatch config check", NOW)
    snoozes = {devices[1].udid: NOW + timedelta(days=1)}
    return show.Sight(whole, UTC, (problem,), snoozes, strips, WATCHING)


def shown(
    sight: show.Sight, width: int, *, plainly: bool = False, encoding: str = "utf-8", colour: bool = False
) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="\n")
    out = Console(
        file=file, width=width, highlight=False, force_terminal=colour, color_system="standard" if colour else None
    )
    (show.print_plainly if plainly else show.print_sight)(sight, out)
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_table_is_the_one_that_was_looked_at(width: int) -> None:
    """Every state at 60, 80 and 160 columns, as it was found good."""
    said = shown(household(), width)
    assert fits(said, width)
    golden(f"status-{width}.txt", said)


def test_the_sentences_for_a_screen_reader_are_the_ones_that_were_looked_at() -> None:
    """Whole sentences, one fact to a line, no column and no sign."""
    said = shown(household(), 80, plainly=True)
    golden("status-plain.txt", said)
    assert not set(said) & set("■✗∙█░│─")


def test_an_old_console_gets_letters_for_the_nights() -> None:
    """What a terminal cannot show is not sent to it."""
    said = shown(household(), 80, encoding="cp437")
    assert "####xxxxxx" in said
    assert "Nights: # backed up   x missed   . not seen" in said


def test_colour_only_repeats_what_the_words_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its colours the table is the same, letter for letter."""
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = shown(household(), 80, colour=True)
    assert "\x1b[" in coloured
    assert bare(coloured) == shown(household(), 80)


def test_a_dumb_terminal_gets_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Emacs' shell and serial lines."""
    monkeypatch.setenv("TERM", "dumb")
    assert "####xxxxxx" in bare(shown(household(), 80, colour=True))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_no_name_breaks_the_table(width: int) -> None:
    """Line breaks, escape codes, markup, ten thousand letters: each phone keeps its line, each line its width."""
    devices = [device(name, State.OVERDUE, cloud=8, causes=(BACKUP_OFF,)) for name in nasty_names()]
    said = shown(show.Sight(verdict(*devices), UTC, strips={each.udid: nights("#" * 30) for each in devices}), width)
    assert said.count("OVERDUE") == len(devices)
    assert "\x1b" not in said
    assert fits(said, width)


@given(st.text(max_size=60), st.integers(40, 200))
def test_any_name_at_any_width_keeps_its_line(name: str, width: int) -> None:
    """Whatever a phone calls itself."""
    one = device(name, State.STALE, cloud=4)
    said = shown(show.Sight(verdict(one), UTC, strips={one.udid: nights("#" * 30)}), width)
    assert said.count("STALE") == 1
    assert fits(said, width)


def test_the_unhappy_are_explained_and_the_happy_are_not() -> None:
    """Cause, how sure, evidence and numbered steps, under the phone's name."""
    said = shown(
        show.Sight(verdict(device("Mia", State.OVERDUE, cloud=8, causes=(BACKUP_OFF,)), device("Ben")), UTC), 80
    )
    assert "iCloud Backup is switched off on this iPhone (certain)" in said
    assert "    2. Turn on Back Up This iPhone" in said
    assert said.count("Ben") == 1


def test_where_no_cause_was_found_it_says_what_could_not_be_checked() -> None:
    """Never a cause that nobody found."""
    said = shown(show.Sight(verdict(device("Mia", State.STALE, cloud=4)), UTC), 80)
    assert "One cause could not be checked: the phone has only been seen over USB" in said


def test_a_bar_is_full_only_when_the_storage_is() -> None:
    """98 % are not drawn as all, one byte is not drawn as nothing, and what is called full is drawn as full."""
    nearly = shown(show.Sight(verdict(of=account(4.9)), UTC), 80)
    called_full = shown(show.Sight(verdict(of=account(4.97)), UTC), 80)
    assert "used, full" in called_full
    assert called_full.count("█") == 16
    hardly = shown(show.Sight(verdict(of=account(0.001)), UTC), 80)
    full = shown(show.Sight(verdict(of=account(5.0)), UTC), 80)
    assert (nearly.count("█"), hardly.count("█"), full.count("█")) == (15, 1, 16)


def bare(said: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", said)


def fits(said: str, width: int) -> bool:
    return all(cell_len(line) <= width for line in said.splitlines() if "https://" not in line)


def golden(name: str, said: str) -> None:
    file = GOLDEN / name
    if os.environ.get("BACKUPWATCH_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(said, "utf-8")
    assert said == file.read_text("utf-8")
