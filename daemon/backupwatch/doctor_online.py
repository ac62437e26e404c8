"""The doctor's lines about the account and Apple's pages: pure, from what the workers saw."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from backupwatch.clock import age_words, parse_rfc3339
from backupwatch.doctor import Level, Result, Situation
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, RELEASES, STATUS, Blind, BlindReason, Json, Observation, Subject

SESSION_WARNING: Final = timedelta(days=7)
"""Enough time to find a quiet minute for a sign-in."""

_STATES: Final = {
    "sign-in-needed": (Level.BROKEN, "Apple wants a new sign-in to iCloud", "Run: backupwatch login"),
    "locked": (
        Level.BROKEN,
        "Apple has locked the account for security",
        "Unlock it at https://iforgot.apple.com, then run: backupwatch login",
    ),
    "terms": (
        Level.BROKEN,
        "Apple has new iCloud terms that nobody accepted yet",
        "Accept them on the iPhone or at https://www.icloud.com",
    ),
    "web-access-off": (
        Level.WARNING,
        "Web access to iCloud data is off, so the storage cannot be watched",
        "iPhone: Settings > your name > iCloud > Access iCloud Data on the Web, or leave it so",
    ),
    "unreachable": (
        Level.WARNING,
        "iCloud cannot be reached from here",
        "Check the internet connection; the watch tries again by itself",
    ),
}


def account(situation: Situation) -> list[Result]:
    """Can the storage be read, and for how long still?"""
    if not situation.config.account.apple_id:
        return [Result("account", Level.OK, "No iCloud account is watched (backupwatch login adds one)")]
    state = _value(situation, ACCOUNT, kinds.ACCOUNT_STATE)
    if isinstance(state, str) and state in _STATES:
        level, sentence, fix = _STATES[state]
        return [Result("account", level, sentence, fix)]
    blind = _blind(situation, ACCOUNT, "icloud")
    if state != "ok":
        sentence = blind.sentence if blind else "The iCloud account: could not be checked"
        signs_in = blind is not None and blind.reason in {BlindReason.SIGN_IN, BlindReason.REFUSED}
        level = Level.BROKEN if signs_in else Level.WARNING
        return [Result("account", level, sentence, "Run: backupwatch login" if signs_in else "Run again in a while")]
    ends = _value(situation, ACCOUNT, kinds.SESSION_EXPIRES)
    if isinstance(ends, str):
        left = parse_rfc3339(ends) - situation.now
        if left <= SESSION_WARNING:
            sentence = f"The sign-in to iCloud ends in {age_words(left)}"
            return [Result("account", Level.WARNING, sentence, "Run: backupwatch login")]
        return [Result("account", Level.OK, f"The iCloud account can be read, for another {age_words(left)}")]
    return [Result("account", Level.OK, "The iCloud account can be read")]


def apple_status(situation: Situation) -> list[Result]:
    """Can Apple's system status page be read?"""
    return _page(situation, STATUS, "apple-status", "Apple's system status page")


def ios_releases(situation: Situation) -> list[Result]:
    """Can the list of iOS versions be read? It is asked only once a phone's model is known."""
    if not any(fact.subject == RELEASES for fact in situation.facts):
        return []
    return _page(situation, RELEASES, "ios-releases", "The list of iOS versions")


def _page(situation: Situation, subject: Subject, ident: str, words: str) -> list[Result]:
    if (blind := _blind(situation, subject, ident)) is not None:
        fix = "Check the internet connection (a proxy is set with HTTPS_PROXY)"
        return [Result(ident, Level.WARNING, blind.sentence, fix)]
    if any(isinstance(fact, Observation) and fact.subject == subject for fact in situation.facts):
        return [Result(ident, Level.OK, f"{words} can be read")]
    return [Result(ident, Level.WARNING, f"{words}: could not be checked", "Run again in a while")]


def _value(situation: Situation, subject: Subject, kind: str) -> Json:
    found = (f for f in situation.facts if isinstance(f, Observation) and f.subject == subject and f.kind == kind)
    return next((fact.value for fact in found), None)


def _blind(situation: Situation, subject: Subject, look: str) -> Blind | None:
    found = (f for f in situation.facts if isinstance(f, Blind) and f.subject == subject and f.look == look)
    return next(found, None)
