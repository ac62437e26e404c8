"""The phone's or the account's iCloud sign-in needs attention: password, terms, locked, or sign out and in.

That this computer's own session with iCloud ran out says nothing about the phone, unless it ended before its time
and just when the backups stopped: a changed password ends both. Signing out and in is the third step of the ladder.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from backupwatch.facts import kinds
from backupwatch.judge import about, phone_log, tried
from backupwatch.judge.account_link import is_parked, on_account
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import values, words

ID = "sign-in-needed"
SOURCE = "https://support.apple.com/108366"
NOT_SIGNED_IN: Final = frozenset({305, 307, 210})
"""Not authenticated (HTTP 401), account moved, no account."""
_BEFORE: Final = timedelta(days=1)
"""How long before the last backup the end of a sign-in may have been noticed to have the same reason."""
WORDS = words(
    ID,
    {
        "summary": "The {thing} needs attention to its iCloud sign-in",
        "summary-locked": "The {apple_account} is locked",
        "summary-terms": "New iCloud terms wait to be accepted",
        "summary-again": "Signing out of iCloud and in again may get the backups going",
        "log.one": "A backup failed on {moment} because iCloud refused the sign-in (error {code})",
        "log.other": "{number} backups failed, last on {moment}, because iCloud refused the sign-in (error {code})",
        "locked": "Apple says since {moment} that the account is locked",
        "terms": "Apple says since {moment} that new terms must be accepted",
        "locked-then": "Apple said on {moment} that the account is locked; it has not been asked again since",
        "terms-then": "Apple said on {moment} that new terms must be accepted; it has not been asked again since",
        "signed-out": "Find My was switched off on {moment}, as happens when an account is signed out",
        "together": "The account asked for a new sign-in on {moment}, as it does after a change of its password",
        "again": "A restart did not help, and no update is left to try",
        "tried": "Switching iCloud off and on again on {day} did not help",
        "wait": "iCloud was switched off and on again on {day}; tonight's backup will show whether that helped",
        "later": "worth trying only after a restart and an update",
        "fix.1": "On the {thing} open {account} and follow any red notice: password, terms or verification",
        "fix.2": "Open {icloud_backup} and tap Back Up Now",
        "fix.3": "It worked when a new time stands under Back Up Now",
        "fix-locked.1": "Open iforgot.apple.com and unlock the {apple_account}",
        "fix-locked.2": "On the {thing} open {account} and enter the new password",
        "fix-locked.3": "Open {icloud_backup} and tap Back Up Now",
        "fix-locked.4": "It worked when a new time stands under Back Up Now",
        "fix-terms.1": "On the {thing} open {account} and accept the new terms, or do so at icloud.com",
        "fix-terms.2": "Open {icloud_backup} and tap Back Up Now",
        "fix-terms.3": "It worked when a new time stands under Back Up Now",
        "fix-again.1": "Make a backup to a computer first: data that is only in iCloud leaves the {thing} for a while",
        "fix-again.2": "On the {thing} open {account}, tap Sign Out at the bottom, and restart it",
        "fix-again.3": "Sign in again at the top of Settings and turn on iCloud Backup",
        "fix-again.4": "Leave it charging, locked and on Wi-Fi tonight",
        "fix-again.5": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """The phone's own error first, then what the account says, then the ladder."""
    failed = phone_log.failure(case, NOT_SIGNED_IN)
    signed_in = tried.signed_in_at(case)
    if failed is not None and (signed_in is None or signed_in < failed.last_at):
        moment = values.minute(failed.last_at, case.zone)
        line = WORDS.count("log", failed.times, moment=moment, code=failed.code)
        return _blamed(case, "", failed.certainty, line, explains=failed.share)
    return _by_account(case) or _by_find_my(case) or _by_ladder(case)


def _by_account(case: Case) -> Blamed | None:
    state = case.snapshot.account.text(kinds.ACCOUNT_STATE)
    linked = on_account(case)
    recent = state is not None and about.is_recent(state, case)
    if state is None or linked is False or not (recent or (is_parked(case) and state.last_at <= case.now)):
        return None
    started = about.started(case.snapshot.account, kinds.ACCOUNT_STATE) or state.first_at
    moment = values.minute(started, case.zone)
    if state.value in {"locked", "terms"}:
        ours = linked or len(case.snapshot.phones) == 1
        sure = Certainty.CERTAIN if ours and recent else Certainty.LIKELY
        start = about.since(case.snapshot.account, kinds.ACCOUNT_STATE)
        line = WORDS.say(state.value if recent else f"{state.value}-then", moment=moment)
        return _blamed(case, f"-{state.value}", sure, line, explains=about.share(case, start))
    if state.value == "sign-in-needed" and linked:
        return _by_session(case, WORDS.say("together", moment=moment))
    return None


def _by_session(case: Case, line: str) -> Blamed | None:
    """Our own session ended: at the time it was due, which is nobody's doing, or before, as by a changed password."""
    account, gap = case.snapshot.account, case.freshness.gap_since
    ended, due = about.since(account, kinds.ACCOUNT_STATE), account.moment(kinds.SESSION_EXPIRES)
    if gap is None or ended is None or ended < gap - _BEFORE or (due is not None and ended >= due.value - _BEFORE):
        return None
    explains = about.share(case, ended)
    if ended - gap <= case.limits.stale_after:
        return _blamed(case, "", Certainty.LIKELY, line, explains=explains)
    return _blamed(case, "", Certainty.POSSIBLE, line, explains=explains) if due is not None else None


def _by_find_my(case: Case) -> Blamed | None:
    """Find My went off about when the backups stopped, and is off still."""
    switch = about.from_phone(case.phone.flag(kinds.FIND_MY_ON), case)
    gap = case.freshness.gap_since
    if switch is None or switch.value or gap is None:
        return None
    changed = about.since(case.phone, kinds.FIND_MY_ON)
    if changed is None or changed < gap - _BEFORE:
        return None
    line = WORDS.say("signed-out", moment=values.minute(changed, case.zone))
    return _blamed(case, "", Certainty.LIKELY, line, explains=about.share(case, changed))


def _by_ladder(case: Case) -> Finding:
    signed_in = tried.signed_in_at(case)
    if signed_in is not None:
        day = values.day(signed_in, case.zone)
        if tried.sign_in_failed(case):
            return RuledOut(ID, (WORDS.say("tried", day=day),))
        return NotChecked(ID, WORDS.say("wait", day=day))
    if tried.restart_failed(case) and not tried.update_is_open(case):
        return _blamed(case, "-again", Certainty.POSSIBLE, WORDS.say("again"), last_resort=True)
    return NotChecked(ID, WORDS.say("later"))


def _blamed(
    case: Case, kind: str, sure: Certainty, line: str, *, explains: float = 1.0, last_resort: bool = False
) -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say(f"summary{kind}", **places),
        (line,),
        WORDS.steps(f"fix{kind}", **places),
        SOURCE,
        explains=explains,
        effort=45 if last_resort else 8,
        last_resort=last_resort,
    )
