"""Is the watcher itself blind? Pure: from facts and what became of its looks to problems, each with its cure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backupwatch.clock import age_words
from backupwatch.facts import kinds
from backupwatch.facts.observation import Blind, BlindReason
from backupwatch.facts.snapshot import Snapshot, View
from backupwatch.text import plain

AT_ONCE: Final = timedelta(0)
A_WHILE: Final = timedelta(hours=1)
"""usbmuxd restarts with every system update; an hour of silence is no accident any more."""
SESSION_WARNING: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps the watcher from watching.

    :ivar id: a fixed word.
    :ivar sentence: what is wrong and what that means.
    :ivar fix: the command or the step that mends it.
    :ivar since: aware UTC.
    :ivar tell_after: how long it must last before the person is told.
    """

    id: str
    sentence: str
    fix: str
    since: datetime
    tell_after: timedelta = AT_ONCE


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """Since when a source has seen nothing, or None when its last look saw something."""

    name: str
    blind_since: datetime | None


_SOURCE_WORDS: Final = {
    "iphone": "No iPhone could be looked at",
    "icloud": "The iCloud account could not be read",
    "apple-status": "Apple's system status page could not be read",
    "ios-releases": "The list of iOS versions could not be read",
    "local-backups": "The folders of local backups could not be read",
}
_CONVENIENCE: Final = frozenset({"apple-status", "ios-releases"})
"""Pages without which every phone is still judged; nobody is disturbed about them."""

_SAID_BY: Final = {"no-usbmuxd": "iphone"}
"""A problem that says already that this source is blind."""
_USBMUXD_WORDS: Final = {
    BlindReason.NO_USBMUXD: "usbmuxd, the service that talks to iPhones, is not running, so no iPhone can be read.",
    BlindReason.USBMUXD_BROKEN: (
        "usbmuxd, the service that talks to iPhones, does not answer properly, so no iPhone can be read."
    ),
    BlindReason.PERMISSION: (
        "usbmuxd, the service that talks to iPhones, is closed to this user, so no iPhone can be read."
    ),
}
_TOLD_STATES: Final = frozenset({"sign-in-needed", "locked", "terms", "web-access-off"})
"""States of the account of which the person is told as such."""
_PERSON: Final = frozenset({BlindReason.REFUSED, BlindReason.SIGN_IN, BlindReason.NOT_CONFIGURED})


def watch(
    snapshot: Snapshot, sources: Iterable[SourceHealth], stale_after: timedelta, platform: str, now: datetime
) -> tuple[Problem, ...]:
    """Everything that blinds the watcher now, worst first.

    :param stale_after: how long a source may be blind before it is told.
    :param platform: ``sys.platform``, for the command that mends it.
    """
    problems = [
        *_usbmuxd(snapshot, platform), *_no_phone(snapshot, now), *_account(snapshot), *_session(snapshot, now),
    ]  # fmt: skip
    told = {_SAID_BY[problem.id] for problem in problems if problem.id in _SAID_BY}
    if any(blind.look == "iphone" and rests(snapshot.host, blind, platform) for blind in snapshot.host.blinds):
        told.add("iphone")  # each phone that stays away is told as such
    if any(blind.look == "icloud" and blind.reason in _PERSON for blind in snapshot.account.blinds):
        told.add("icloud")  # that a person must sign in is said about the account itself
    for source in sources:
        since = source.blind_since
        if since is None or now - since < stale_after or source.name in _CONVENIENCE | told:
            continue
        sentence = f"{_SOURCE_WORDS.get(source.name, source.name)} for {age_words(now - since)}."
        problems.append(Problem(f"blind-{source.name}", sentence, "Run: backupwatch doctor", since))
    return tuple(problems)


def usbmuxd_fix(platform: str) -> str:
    """How to install or start usbmuxd on this system."""
    if platform == "darwin":
        return "It is part of macOS: restart the Mac"
    if platform == "win32":
        return "Install Apple Devices from the Microsoft Store and restart"
    return (
        "Connect an iPhone with a cable, which starts it; if that changes nothing, install it (Debian, Ubuntu, Fedora: "
        "package usbmuxd) or run: sudo systemctl start usbmuxd"
    )


def _usbmuxd(snapshot: Snapshot, platform: str) -> list[Problem]:
    blind = next(
        (blind for blind in snapshot.host.blinds if blind.look == "iphone" and blind.reason in _USBMUXD_WORDS), None
    )
    if blind is None or rests(snapshot.host, blind, platform):
        return []
    forbidden = blind.reason is BlindReason.PERMISSION
    fix = "Run: backupwatch doctor, which names the command that opens it" if forbidden else usbmuxd_fix(platform)
    sentence = _USBMUXD_WORDS[blind.reason]
    return [Problem("no-usbmuxd", sentence, fix, blind.since or blind.observed_at, A_WHILE)]


def rests(host: View, blind: Blind, platform: str) -> bool:
    """Whether usbmuxd is not running because no cable is in: on Linux udev starts and ends it with the first and the
    last phone (usbmuxd's 39-usbmuxd.rules). One that never answered here may be missing altogether.
    """
    answered = host.newest(kinds.USBMUXD) is not None
    return blind.reason is BlindReason.NO_USBMUXD and platform.startswith("linux") and answered


def _account(snapshot: Snapshot) -> list[Problem]:
    """The account refuses us for a reason that none of its states has a word for."""
    state = snapshot.account.text(kinds.ACCOUNT_STATE)
    blind = snapshot.account.blind("icloud")
    if blind is None or blind.reason is not BlindReason.REFUSED or (state is not None and state.value in _TOLD_STATES):
        return []
    sentence = f"{plain(blind.sentence, 200)}, so the iCloud storage cannot be watched."
    fix = "Correct it with: backupwatch config edit; then run: backupwatch login"
    return [Problem("account-refused", sentence, fix, blind.since or blind.observed_at)]


def _no_phone(snapshot: Snapshot, now: datetime) -> list[Problem]:
    once_paired = any(
        span.value in {"trusted", "lost"} for phone in snapshot.phones.values() for span in phone.spans(kinds.TRUST)
    )
    read = any(phone.spans(kinds.LAST_CLOUD_BACKUP) for phone in snapshot.phones.values())
    answered = snapshot.host.newest(kinds.USBMUXD)
    if once_paired or read or answered is None:
        return []
    return [
        Problem(
            "no-phone",
            "No iPhone has been paired with this computer yet, so there is nothing to watch.",
            "Connect your iPhone with a cable and run: backupwatch pair",
            min(answered.first_at, now),
            A_WHILE,
        )
    ]


def _session(snapshot: Snapshot, now: datetime) -> list[Problem]:
    expires = snapshot.account.moment(kinds.SESSION_EXPIRES)
    if expires is None or not now < expires.value <= now + SESSION_WARNING:
        return []
    left = age_words(expires.value - now)
    return [
        Problem(
            "session-expires",
            f"The sign-in to iCloud will probably end in {left}; from then on the storage cannot be watched.",
            "Run: backupwatch login",
            expires.value - SESSION_WARNING,
        )
    ]
