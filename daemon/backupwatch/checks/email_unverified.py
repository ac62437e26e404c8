"""The primary e-mail address is not verified, so automatic backups silently never start.

The wake-up plug-in of iOS 26.1 asks for it before it starts ``backupd``; no error is shown anywhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from backupwatch.checks import MISSING
from backupwatch.facts import kinds
from backupwatch.facts.kinds import LogWord
from backupwatch.judge import about, nights, phone_log
from backupwatch.judge.account_link import on_account
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut, State
from backupwatch.wording import values, words

ID = "email-unverified"
SOURCE = "https://account.apple.com"
APPLIES = MISSING | {State.FRESH}
_A_DAY: Final = timedelta(days=1)
WORDS = words(
    ID,
    {
        "summary": "The e-mail address of the {apple_account} is not verified, so automatic backups do not start",
        "account": "Apple says since {moment} that the primary e-mail address is not verified",
        "log": "The {thing} itself reported on {moment} that the primary e-mail address is not verified",
        "verified": "The primary e-mail address is verified",
        "works": "A backup was made on {moment}, although the e-mail address is not verified",
        "unread": "whether the e-mail address is verified is known only from the account or from the {thing}'s log",
        "other-account": "this {thing} is not among the devices of the watched iCloud account",
        "fix.1": "Open the e-mail from Apple with the subject about verifying your address, or go to account.apple.com",
        "fix.2": "Verify the primary e-mail address; on the {thing} {account} also shows a notice",
        "fix.3": "Open {icloud_backup} and tap Back Up Now",
        "fix.4": "It worked when a new time stands under Back Up Now",
    },
)


def check(case: Case) -> Finding:
    """The phone's own word first, then the account's."""
    places = about.places(case)
    said = [
        (at, switches["emailVerified"])
        for at, event in phone_log.said(case, LogWord.ACCOUNT)
        if "emailVerified" in (switches := phone_log.switches(event))
    ]
    if said and case.freshness.state is not State.FRESH:
        at, verified = said[-1]
        if not verified:
            line = WORDS.say("log", moment=values.minute(at, case.zone), **places)
            return _blamed(case, Certainty.CERTAIN, line, 1.0)
        return RuledOut(ID, (WORDS.say("verified"),))
    return _by_account(case, places)


def _by_account(case: Case, places: dict[str, str]) -> Finding:
    linked = on_account(case)
    if linked is False:
        return NotChecked(ID, WORDS.say("other-account", **places))
    verified = case.snapshot.account.flag(kinds.EMAIL_VERIFIED)
    if verified is None or not about.is_recent(verified, case):
        return NotChecked(ID, WORDS.say("unread", **places))
    if verified.value:
        return RuledOut(ID, (WORDS.say("verified"),))
    worked = case.freshness.last_cloud
    if worked is not None and worked > verified.first_at + _A_DAY:
        return RuledOut(ID, (WORDS.say("works", moment=values.minute(worked, case.zone)),))
    if case.freshness.state is State.FRESH and not _had_its_night(case, verified.first_at):
        return NotChecked(ID, WORDS.say("unread", **places))
    sure = Certainty.CERTAIN if linked or len(case.snapshot.phones) == 1 else Certainty.LIKELY
    start = about.since(case.snapshot.account, kinds.EMAIL_VERIFIED)
    line = WORDS.say("account", moment=values.minute(verified.first_at, case.zone))
    return _blamed(case, sure, line, about.share(case, start))


def _had_its_night(case: Case, since: datetime) -> bool:
    """Whether a whole night has passed unverified in which a backup was due, and none was made."""
    last = case.freshness.gap_since
    return last is not None and any(starts >= since for starts, _ in nights.windows(last, case.now, case.zone))


def _blamed(case: Case, sure: Certainty, line: str, explains: float) -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say("summary", **places),
        (line,),
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=5,
        warning=case.freshness.state is State.FRESH,
    )
