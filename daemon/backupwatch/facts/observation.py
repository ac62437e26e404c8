"""One fact, and its counterpart: that somebody looked and could not see.

Facts cross process borders as JSON lines (:func:`to_line`, :func:`from_line`). A value is plain JSON; what each
kind holds, and in which unit, stands in :mod:`backupwatch.facts.kinds`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from backupwatch.clock import parse_rfc3339

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"


class SubjectKind(StrEnum):
    """What a fact is about."""

    PHONE = "phone"  # id: UDID as the phone spells it
    ACCOUNT = "account"  # id: always "icloud", there is one
    APPLE = "apple"  # id: "status" or "releases", Apple's public pages
    HOST = "host"  # id: always "this", the computer we run on


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """The thing a fact is about."""

    kind: SubjectKind
    id: str


ACCOUNT = Subject(SubjectKind.ACCOUNT, "icloud")
STATUS = Subject(SubjectKind.APPLE, "status")
RELEASES = Subject(SubjectKind.APPLE, "releases")
HOST = Subject(SubjectKind.HOST, "this")


def phone(udid: str) -> Subject:
    """The subject of a phone's facts."""
    return Subject(SubjectKind.PHONE, udid)


class BlindReason(StrEnum):
    """Why a look saw nothing; fixed words, since checks and tests rely on them."""

    NO_USBMUXD = "no-usbmuxd"  # nothing answers at usbmuxd's address
    USBMUXD_BROKEN = "usbmuxd-broken"  # it answers nonsense, refuses or hangs
    GONE = "gone"  # the phone went away in the middle
    TIMEOUT = "timeout"  # the deadline passed
    CONNECTION = "connection"  # refused, reset, closed; may work next time
    GARBAGE = "garbage"  # an answer that cannot be parsed
    UNTRUSTED = "untrusted"  # not paired, or the phone no longer accepts the pair record
    LOCKED = "locked"  # wants to be unlocked first (not since it started)
    PROHIBITED = "prohibited"  # the phone refuses this value
    UNSUPPORTED = "unsupported"  # this service is not offered here
    REFUSED = "refused"  # the account refused; nothing may be retried
    SIGN_IN = "sign-in"  # the account wants a person to sign in
    RATE_LIMITED = "rate-limited"
    SERVER = "server"  # the other side says that it has trouble
    NETWORK = "network"  # no way to the internet from here
    PORTAL = "portal"  # a web page answers in place of the service
    PERMISSION = "permission"  # the operating system does not let us look
    NOT_CONFIGURED = "not-configured"
    CRASHED = "crashed"  # our own worker died


@dataclass(frozen=True, slots=True)
class Observation:
    """One fact: at ``observed_at`` (aware, UTC) ``source`` saw that ``subject``'s ``kind`` was ``value``."""

    subject: Subject
    kind: str
    value: Json
    observed_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Blind:
    """Somebody looked and could not see.

    :ivar look: what was looked at: a source's name, or ``source:part`` (``iphone:log``).
    :ivar sentence: one plain sentence for a person, foreign text already made safe.
    :ivar retry_after: seconds that the other side asked us to wait, or None.
    :ivar since: since when such looks have seen nothing; filled in by the store, None on a fresh one.
    """

    subject: Subject
    look: str
    reason: BlindReason
    sentence: str
    observed_at: datetime
    retry_after: float | None = None
    since: datetime | None = None


Fact: TypeAlias = Observation | Blind


def to_line(fact: Fact) -> str:
    """One JSON document without line breaks."""
    common: dict[str, Json] = {
        "subject": [fact.subject.kind.value, fact.subject.id],
        "at": fact.observed_at.isoformat(),
    }
    if isinstance(fact, Observation):
        common |= {"kind": fact.kind, "value": fact.value, "source": fact.source}
    else:
        common |= {"look": fact.look, "blind": fact.reason.value, "sentence": fact.sentence}
        if fact.retry_after is not None:
            common["retry_after"] = fact.retry_after
    return json.dumps(common, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def from_line(line: str | bytes) -> Fact:
    """The inverse of :func:`to_line`.

    :raises ValueError: not a fact.
    """
    try:
        data = json.loads(line)
        kind, ident = data["subject"]
        subject, at = Subject(SubjectKind(kind), str(ident)), parse_rfc3339(data["at"])
        if "blind" in data:
            return Blind(
                subject,
                data["look"],
                BlindReason(data["blind"]),
                data["sentence"],
                at,
                data.get("retry_after"),
            )
        return Observation(subject, data["kind"], data["value"], at, data["source"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a fact: {type(error).__name__}") from error
