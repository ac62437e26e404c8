"""A newer iOS is out for this model. Old iOS is rarely the reason itself, so this is a step of the ladder.

Error 203 makes it the reason: the backup in iCloud was made by a newer iOS. A phone on the newest release of its
own major has its repairs; a model for which nothing newer exists is not outdated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from packaging.version import InvalidVersion, Version

from backupwatch import text
from backupwatch.facts import kinds
from backupwatch.facts.observation import Json
from backupwatch.facts.snapshot import as_moment
from backupwatch.judge import about, phone_log, tried
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import values, words

ID = "update-ios"
SOURCE = "https://support.apple.com/118575"
MADE_BY_NEWER: Final = frozenset({203})
WORDS = words(
    ID,
    {
        "summary": "A newer iOS is out for this {thing}",
        "summary-needed": "The backup in iCloud was made by a newer iOS than this {thing} has",
        "out": "iOS {installed}; {newest} is out",
        "out-since.one": "iOS {installed}; {newest} came out {number} day ago",
        "out-since.other": "iOS {installed}; {newest} came out {number} days ago",
        "own-major": "iOS {installed} is the newest of its line; iOS {newest} is a new line for this {thing}",
        "log": "The {thing} reported on {moment} that its iCloud backup needs a newer iOS (error {code})",
        "tried": "Updating to iOS {installed} on {day} did not help",
        "newest": "iOS {installed} is the newest for this {thing}",
        "wait": "it was updated to iOS {installed} on {day}; tonight's backup will show whether that helped",
        "no-version": "the {thing} has not said which iOS it runs",
        "no-list": "the list of iOS releases has not been read",
        "no-model": "the list of iOS releases does not name this model",
        "fix.1": "Make a backup to a computer first, if you can",
        "fix.2": "Put the {thing} on its charger and on Wi-Fi, then open {software_update} and install the update",
        "fix.3": "Unlock it once after the update and leave it charging, locked and on Wi-Fi tonight",
        "fix.4": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """Compare the phone's version with the newest for its model."""
    places = about.places(case)
    failed = phone_log.failure(case, MADE_BY_NEWER)
    if failed is not None:
        moment = values.minute(failed.last_at, case.zone)
        line = WORDS.say("log", moment=moment, code=failed.code, **places)
        return _blamed(case, "summary-needed", line, Certainty.CERTAIN, last_resort=False)
    installed = _version(case.phone.text(kinds.OS_VERSION).value if case.phone.text(kinds.OS_VERSION) else None)  # type: ignore[union-attr]
    if installed is None:
        return NotChecked(ID, WORDS.say("no-version", **places))
    updated = tried.updated_at(case)
    if updated is not None and not tried.had_a_night(case, updated):
        return NotChecked(ID, WORDS.say("wait", installed=installed, day=values.day(updated, case.zone)))
    row, problem = _row(case)
    newest = _version(row.get("version")) if row is not None else None
    if row is None or newest is None:
        return NotChecked(ID, WORDS.say(problem))
    done = (WORDS.say("tried", installed=installed, day=values.day(updated, case.zone)),) if updated else ()
    if installed >= newest:
        return RuledOut(ID, (WORDS.say("newest", installed=installed, **places), *done))
    own = _version(row.get("own_major"))
    if own is not None and installed >= own and own.major != newest.major:
        line = WORDS.say("own-major", installed=installed, newest=newest, **places)
    else:
        line = _out(case, installed, newest, as_moment(row.get("released_at")))
    return _blamed(case, "summary", line, Certainty.POSSIBLE, last_resort=True, more=done)


def _row(case: Case) -> tuple[Mapping[str, Json] | None, str]:
    """This model's entry in the list of releases; without one, the key of the sentence that says why."""
    listed = case.snapshot.releases.table(kinds.IOS_RELEASES)
    model = case.phone.text(kinds.MODEL)
    if listed is None:
        return None, "no-list"
    row = listed.value.get(model.value) if model is not None else None
    return (row, "no-model") if isinstance(row, Mapping) else (None, "no-model")


def _version(value: Json) -> Version | None:
    try:
        return Version(text.plain(value, 20)) if isinstance(value, str) else None
    except InvalidVersion:
        return None


def _out(case: Case, installed: Version, newest: Version, released: datetime | None) -> str:
    if released is None or released > case.now:
        return WORDS.say("out", installed=installed, newest=newest)
    since = values.days(case.now - released)
    return WORDS.count("out-since", since, installed=installed, newest=newest)


def _blamed(
    case: Case, summary: str, line: str, sure: Certainty, *, last_resort: bool, more: tuple[str, ...] = ()
) -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say(summary, **places),
        (line, *more),
        WORDS.steps("fix", **places),
        SOURCE,
        effort=30,
        last_resort=last_resort,
    )
