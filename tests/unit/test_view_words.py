"""The first line answers the question; every moment reads right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from household import NOW, account, device, verdict

from backupwatch.judge.finding import State
from backupwatch.judge.verdict import AccountVerdict
from backupwatch.text import name
from backupwatch.view import words
from backupwatch.view.words import Watching

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([], "No iPhone is known yet. Connect one with a cable, unlock it and run: backupwatch pair"),
        (["fresh"], "Phone 0 is backed up."),
        (["fresh", "fresh"], "All 2 phones are backed up."),
        (["fresh", "ignored"], "Phone 0 is backed up."),
        (["ignored"], "Every known phone is set to be ignored."),
        (["stale"], "Phone 0 has no recent backup."),
        (["never"], "Phone 0 has no recent backup."),
        (["overdue", "fresh"], "1 of 2 phones has no recent backup: Phone 0."),
        (["overdue", "stale", "fresh"], "2 of 3 phones have no recent backup: Phone 0, Phone 1."),
        (["fresh", "unseen"], "Cannot be judged now: Phone 1."),
        (["stale", "unknown"], "1 of 2 phones has no recent backup: Phone 0. Cannot be judged now: Phone 1."),
    ],
)
def test_the_first_line_answers_the_question(states: list[str], said: str) -> None:
    """Are they backed up, and if not, which are not."""
    devices = [device(f"Phone {place}", State(state)) for place, state in enumerate(states)]
    assert words.headline(verdict(*devices)) == said


def test_two_phones_without_a_name_are_told_apart() -> None:
    """By the end of what is printed on no phone, but in every list."""
    nameless = [replace(device(name("")), udid=f"00008140-0000000000000A0{number}") for number in (1, 2)]
    assert [words.called(each) for each in nameless] == ["phone …0A01", "phone …0A02"]


def test_forty_phones_do_not_fill_the_first_line() -> None:
    """Of many names the first four are told, and how many more there are."""
    said = words.headline(verdict(*(device(f"Cart {place}", State.OVERDUE) for place in range(40))))
    assert said == "40 of 40 phones have no recent backup: Cart 0, Cart 1, Cart 2, Cart 3 and 36 more."


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0, "less than a minute ago, Sun 15:05"),
        (5, "5 hours ago, Sun 10:05"),
        (59, "2 days ago, Fri 04:05"),
        (24 * 9, "9 days ago, 13 Nov 15:05"),
        (24 * 400, "400 days ago, 18 Oct 2025"),
        (-48, "in the future, 2026-11-24"),
    ],
)
def test_a_moment_is_told_as_a_person_tells_it(hours: int, said: str) -> None:
    """The weekday while that says enough, then the date, then the year; never an age below nothing."""
    assert words.ago(NOW - timedelta(hours=hours), NOW, BERLIN) == said


def test_no_moment_is_said_to_be_none() -> None:
    """A backup that nobody knows of gets no date."""
    assert words.ago(None, NOW, UTC) == "none known"


def lines(watching: Watching) -> str:
    return " ".join(words.watcher_sentences(watching, NOW, UTC))


def test_the_watcher_tells_of_itself() -> None:
    """Since when it runs, when it last looked, when it looks next."""
    watching = Watching(True, NOW - timedelta(days=3), NOW - timedelta(minutes=12), NOW + timedelta(minutes=18))
    assert (
        lines(watching)
        == "Watching since Thu 19 Nov, 14:05; last look 12 minutes ago, Sun 13:53; next look about 14:23."
    )


def test_a_watcher_that_does_not_run_says_how_to_start_it() -> None:
    """And what it last saw."""
    assert (
        lines(Watching(False))
        == "The watcher is not running; it has not looked yet. Start it with: backupwatch service start"
    )


@pytest.mark.parametrize(
    ("service", "step"),
    [("absent", "backupwatch service install."), ("stopped", "service start."), ("impossible", "backupwatch run.")],
)
def test_the_step_that_starts_the_watcher_fits_the_computer(service: str, step: str) -> None:
    """No service is to be started where there is none, nor where nothing starts services."""
    said = lines(Watching(False, service=service))
    assert f"{said}.".endswith(step)
    assert ("service" in step) == ("backupwatch service" in said)


def test_a_watcher_whose_look_is_late_says_so() -> None:
    """No next look in the past."""
    assert lines(Watching(True, None, NOW, NOW - timedelta(minutes=5))).endswith("the next look is due now.")


def test_storage_is_told_with_the_day_on_which_it_is_full() -> None:
    """The forecast, with its year when that is not this one."""
    full = datetime(2026, 12, 12, tzinfo=UTC)
    assert words.storage_words(account(4.6, full), NOW, UTC) == "4.6 of 5.0 GB used, full around Sat 12 Dec"
    later = words.storage_words(account(4.6, full.replace(year=2027)), NOW, UTC)
    assert later == "4.6 of 5.0 GB used, full around Sun 12 Dec 2027"


def test_full_storage_is_called_full_and_unknown_storage_not_at_all() -> None:
    """No number that was not measured."""
    assert words.storage_words(account(5.0), NOW, UTC) == "5.0 of 5.0 GB used, full"
    assert words.storage_words(AccountVerdict("ok", None, NOW, None, None), NOW, UTC) == ""


@pytest.mark.parametrize("state", ["sign-in-needed", "locked", "terms", "web-access-off", "unreachable"])
def test_an_account_that_cannot_be_read_says_why(state: str) -> None:
    """Each of the contract's words has a sentence."""
    said = words.account_sentence(AccountVerdict(state, "a•••@example.com", NOW, None, None), NOW, UTC)
    assert said.startswith("iCloud account a•••@example.com ")
    assert len(said) > 45


def test_an_account_that_nobody_watches_is_not_spoken_of() -> None:
    """No line about what was never asked for."""
    assert words.account_sentence(AccountVerdict("not-configured", None, None, None, None), NOW, UTC) == ""
