"""An organisation's profile forbids iCloud Backup.

The phone does not list the restrictions in force, only that it is managed; its log says it outright (error 22, and
lines about the management policy). The person cannot override it, so the fix is to ask, or to use a computer.
"""

from __future__ import annotations

from typing import Final

from backupwatch import text
from backupwatch.facts import kinds
from backupwatch.facts.kinds import LogWord
from backupwatch.judge import about, phone_log
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import values, words

ID = "managed-policy"
SOURCE = "https://support.apple.com/guide/iphone/iph6c493b19"
FORBIDDEN: Final = frozenset({22, 555})
WORDS = words(
    ID,
    {
        "summary": "An organisation manages this {thing} and does not allow iCloud Backup",
        "summary-perhaps": "An organisation manages this {thing} and may not allow iCloud Backup",
        "log": "The {thing} reported on {moment} that a management policy forbids the backup (error {code})",
        "line": "The {thing} reported on {moment} that a management policy forbids the backup",
        "supervised": "The {thing} is managed, and iCloud Backup is off",
        "supervised-by": "The {thing} is managed by {organisation}, and iCloud Backup is off",
        "profile.one": "{number} management profile is installed, and iCloud Backup is off",
        "profile.other": "{number} management profiles are installed, and iCloud Backup is off",
        "account": "The iCloud account is managed by an organisation, and iCloud Backup is off",
        "allowed": "The {thing} is managed, but iCloud Backup is on",
        "free": "No organisation manages this {thing}",
        "unread": "the {thing} has not said whether an organisation manages it",
        "fix.1": "On the {thing} open {management} and see which organisation's profile is there",
        "fix.2": "Ask that organisation's administrator to allow iCloud Backup",
        "fix.3": "Until then make backups to a computer: plug it in and choose Back Up Now",
        "fix.4": "It worked when {icloud_backup} lets you turn it on and shows a new time",
    },
)


def check(case: Case) -> Finding:
    """The phone's own word first; then managed and off."""
    places = about.places(case)
    failed = phone_log.failure(case, FORBIDDEN)
    if failed is not None and not phone_log.allowed_since(case, failed.last_at):
        line = WORDS.say("log", moment=values.minute(failed.last_at, case.zone), code=failed.code, **places)
        return _blamed(case, "summary", failed.certainty, line, failed.share)
    said = phone_log.said(case, LogWord.POLICY)
    if said and not phone_log.allowed_since(case, said[-1][0]):
        line = WORDS.say("line", moment=values.minute(said[-1][0], case.zone), **places)
        return _blamed(case, "summary", Certainty.CERTAIN, line)
    return _by_management(case, places)


def _by_management(case: Case, places: dict[str, str]) -> Finding:
    supervised = about.from_phone(case.phone.flag(kinds.SUPERVISED), case)
    profiles = case.phone.newest(kinds.PROFILES)
    number = len(profiles.value) if profiles is not None and isinstance(profiles.value, list | tuple) else 0
    switch = about.from_phone(case.phone.flag(kinds.CLOUD_BACKUP_ENABLED), case)
    managed_account = case.snapshot.account.flag(kinds.MANAGED_ACCOUNT)
    is_managed = supervised is not None and supervised.value
    if switch is None or (supervised is None and profiles is None):
        return NotChecked(ID, WORDS.say("unread", **places))
    if switch.value:
        return RuledOut(ID, (WORDS.say("allowed" if is_managed else "free", **places),))
    if is_managed:
        return _blamed(case, "summary-perhaps", Certainty.LIKELY, _supervised(case, places))
    if managed_account is not None and managed_account.value and len(case.snapshot.phones) == 1:
        return _blamed(case, "summary-perhaps", Certainty.POSSIBLE, WORDS.say("account"))
    if number:
        return _blamed(case, "summary-perhaps", Certainty.POSSIBLE, WORDS.count("profile", number))
    return RuledOut(ID, (WORDS.say("free", **places),))


def _supervised(case: Case, places: dict[str, str]) -> str:
    organisation = case.phone.text(kinds.ORGANISATION)
    if organisation is None:
        return WORDS.say("supervised", **places)
    return WORDS.say("supervised-by", organisation=text.name(organisation.value), **places)


def _blamed(case: Case, summary: str, sure: Certainty, line: str, explains: float = 1.0) -> Blamed:
    places = about.places(case)
    fix = WORDS.steps("fix", **places)
    return Blamed(ID, sure, WORDS.say(summary, **places), (line,), fix, SOURCE, explains=explains, effort=20)
