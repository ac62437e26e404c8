"""iCloud Backup is switched off on the phone.

The phone says so itself (``CloudBackupEnabled``), and its date of the last backup vanishes at that moment. Rarely
the flag means that computer backups are preferred; then backups go on, and the date moves although it is off.
"""

from __future__ import annotations

from typing import Final

from backupwatch.checks import MISSING
from backupwatch.facts import kinds
from backupwatch.judge import about, phone_log
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut, State
from backupwatch.wording import values, words

ID = "icloud-backup-off"
SOURCE = "https://support.apple.com/108366"
SWITCHED_OFF: Final = frozenset({217})
APPLIES = MISSING | {State.FRESH}
WORDS = words(
    ID,
    {
        "summary": "iCloud Backup is switched off on this {thing}",
        "off": "iCloud Backup is off; the {thing} said so on {moment}",
        "off-since": "iCloud Backup was switched off between {earlier} and {moment}",
        "vanished": "The date of its last iCloud backup ({last}) was gone on {moment}",
        "log.one": "A backup was broken off on {moment} because it was switched off (code {code})",
        "log.other": "{number} backups were broken off, last on {moment}, because it was switched off (code {code})",
        "on": "iCloud Backup is on",
        "works": "The {thing} says that iCloud Backup is off, yet it made a backup on {moment}",
        "unread": "the {thing} has not said whether iCloud Backup is on",
        "fix.1": "On the {thing} open {icloud_backup} and turn on Back Up This {thing}",
        "fix.2": "Stay on Wi-Fi and tap Back Up Now",
        "fix.3": "It worked when a new time stands under Back Up Now, usually within an hour",
    },
)


def check(case: Case) -> Finding:
    """Read the switch."""
    places = about.places(case)
    switch = about.from_phone(case.phone.flag(kinds.CLOUD_BACKUP_ENABLED), case)
    if switch is None:
        return _by_log(case) or NotChecked(ID, WORDS.say("unread", **places))
    if switch.value:
        return RuledOut(ID, (WORDS.say("on"),))
    found = case.freshness
    if found.last_cloud is not None and found.last_cloud > switch.first_at:
        return RuledOut(ID, (WORDS.say("works", moment=values.minute(found.last_cloud, case.zone), **places),))
    evidence = [WORDS.say("off", moment=values.minute(switch.last_at, case.zone), **places)]
    before = [span.last_at for span in case.phone.spans(kinds.CLOUD_BACKUP_ENABLED) if span.value is True]
    if before and max(before) <= switch.first_at:
        earlier, first = values.minute(max(before), case.zone), values.minute(switch.first_at, case.zone)
        evidence.append(WORDS.say("off-since", earlier=earlier, moment=first))
    if found.vanished_at is not None and found.last_cloud is not None:
        last, gone = values.minute(found.last_cloud, case.zone), values.minute(found.vanished_at, case.zone)
        evidence.append(WORDS.say("vanished", last=last, moment=gone))
    return Blamed(
        ID,
        Certainty.CERTAIN,
        WORDS.say("summary", **places),
        tuple(evidence),
        WORDS.steps("fix", **places),
        SOURCE,
        explains=about.share(case, about.since(case.phone, kinds.CLOUD_BACKUP_ENABLED)),
        effort=2,
        warning=found.state is State.FRESH,
    )


def _by_log(case: Case) -> Blamed | None:
    """A backup was broken off by the switch, which could not be read."""
    failed = phone_log.failure(case, SWITCHED_OFF)
    if failed is None or phone_log.allowed_since(case, failed.last_at):
        return None
    places = about.places(case)
    line = WORDS.count("log", failed.times, moment=values.minute(failed.last_at, case.zone), code=failed.code)
    fix = WORDS.steps("fix", **places)
    summary = WORDS.say("summary", **places)
    return Blamed(ID, Certainty.LIKELY, summary, (line,), fix, SOURCE, explains=failed.share, effort=2)
