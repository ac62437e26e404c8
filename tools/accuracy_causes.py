"""What is injected into the generated world, as ground truth: each cause blocks backups and leaves its traces.

A trace is what a real phone, account or log would show; some causes leave none where nobody listens. Which
traces suffice is said here, from the traces alone, without asking the checks.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds

if TYPE_CHECKING:
    from accuracy_world import Household, Night, Phone, Tracks

CURES: Final = ("restart-iphone", "update-ios", "sign-in-needed", "reset-settings")
"""A system that is stuck without a trace; only this remedy helps."""

SWITCHED: Final = (
    "icloud-backup-off", "managed-policy", "clock-wrong", "iphone-storage-full", "locked-since-restart",
    "restore-in-progress",
)  # fmt: skip
INJECTED: Final = (
    *SWITCHED, *CURES, "no-power", "no-wifi", "icloud-storage-full", "email-unverified", "low-power-mode",
    "metered-network", "pairing-lost", "account",
)  # fmt: skip
_CODES: Final = {
    "no-power": None, "no-wifi": None, "icloud-storage-full": 303, "managed-policy": 22, "iphone-storage-full": 105,
    "locked-since-restart": 209, "sign-in-needed": 305,
}  # fmt: skip


@dataclass
class Cause:
    """One injected cause on one phone."""

    id: str
    started: datetime
    ends: datetime
    variant: str
    account: bool
    stuck: bool = False
    number: float = 0.0
    logged: int = 0
    signed_out: int = 0
    scored: bool = False

    def blocks(self) -> frozenset[str]:
        """The causes that keep tonight's backup from being made."""
        if self.id in {"icloud-storage-full", "pairing-lost"}:
            return frozenset()
        return frozenset({self.id})

    def show(self, facts: dict[str, Any], one: Phone) -> None:
        """Change what the phone says of itself."""
        if self.id in {"icloud-backup-off", "managed-policy"}:
            facts |= {kinds.CLOUD_BACKUP_ENABLED: False, kinds.LAST_CLOUD_BACKUP: None}
        if self.id == "managed-policy":
            facts |= {kinds.SUPERVISED: True, kinds.ORGANISATION: "Example School"}
        if self.id == "clock-wrong":
            facts[kinds.CLOCK_OFFSET] = self.number
        if self.id == "iphone-storage-full":
            facts[kinds.DISK_AVAILABLE] = int(abs(self.number)) // 100_000_000 * 100_000_000
        if self.id == "locked-since-restart":
            facts[kinds.UNLOCKED_SINCE_BOOT] = False
        if self.id == "restore-in-progress":
            facts[kinds.RESTORE_STATE] = "Restoring"
        if self.variant == "signed-out":
            facts[kinds.FIND_MY_ON] = False
        if self.signed_out:
            self.signed_out -= 1
            facts[kinds.FIND_MY_ON] = False
        del one

    def log(self, tracks: Tracks, at: datetime) -> None:
        """What backupd says in the night, to somebody who listens."""
        event: dict[str, Any] = {"at": rfc3339(at), "text": "…"}
        fields = {"enabled": True, "locked": True, "onPower": True, "onWiFi": True}
        if self.id == "metered-network":
            event |= {"what": "network", "fields": {"available": True, "expensive": False, "constrained": True}}
        elif self.id in {"no-power", "no-wifi"}:
            off = "onPower" if self.id == "no-power" else "onWiFi"
            event |= {"what": "off-condition", "fields": fields | {off: False}}
        elif self.id in _CODES and not self.stuck:
            event |= {"what": "failure", "code": _CODES[self.id]}
        else:
            event |= {"what": "on-condition", "fields": fields | {"enabled": self.id != "icloud-backup-off"}}
            if self.stuck:
                return
        tracks.see(kinds.LOG, event, at)
        self.logged += 1

    @property
    def is_shared(self) -> bool:
        """Whether it is the account's, and so that of every phone on it."""
        return self.id == "email-unverified" or self.account_state() is not None

    def account_state(self) -> str | None:
        """What the account answers while this lasts."""
        return self.variant if self.variant in {"locked", "terms", "sign-in-needed"} else None

    def is_read(self, home: Household, one: Phone, missed: list[Night]) -> bool:
        """Whether the traces left so far suffice to name it."""
        read = one.read_at is not None and one.read_at > self.started
        if self.id in CURES and self.stuck:
            return read and self._turn_has_come(home, one)
        if self.id in SWITCHED:
            return read and (self.id != "locked-since-restart" or self._first_read_before(one, missed))
        if self.id == "email-unverified":
            return self.account and home.session_is_good
        if self.id == "sign-in-needed":
            return {"signed-out": read, "log": self.logged > 0}.get(self.variant, self.account)
        if self.id == "metered-network":
            return self.logged > 0
        told = sum(self.id in night.told for night in missed)
        return told >= 2 and told * 2 >= len(missed)

    def _first_read_before(self, one: Phone, missed: list[Night]) -> bool:
        """A phone found locked must be found so before a night, to blame the lock for that night."""
        spans = one.tracks.spans.get(kinds.UNLOCKED_SINCE_BOOT, [])
        locked = [span for span in spans if span.value is False and span.first_at >= self.started]
        return bool(locked) and locked[0].first_at <= missed[-1].starts

    def _turn_has_come(self, home: Household, one: Phone) -> bool:
        """The general remedies are told apart by nothing but the failure of the cheaper ones, seen before a night."""
        night = one.nights[-1].starts if one.nights else self.started
        restarted, updated, signed_in = (
            self._changed_at(one, kind) for kind in (kinds.BOOT_SESSION, kinds.OS_VERSION, kinds.FIND_MY_ON)
        )
        if self.id == "restart-iphone":
            return restarted is None
        done = restarted is not None and restarted <= night
        if self.id == "update-ios":
            return done and updated is None
        done = done and (updated <= night if updated is not None else self._is_newest(home, one))
        if self.id == "sign-in-needed":
            return done and signed_in is None
        return done and signed_in is not None and signed_in <= night

    def _is_newest(self, home: Household, one: Phone) -> bool:
        """Whether the phone was last read with the newest iOS."""
        spans = one.tracks.spans.get(kinds.OS_VERSION, [])
        return bool(spans) and spans[-1].value == f"26.{home.newest + 1}"

    def _changed_at(self, one: Phone, kind: str) -> datetime | None:
        """When the kind was last seen changed since the last backup."""
        spans = one.tracks.spans.get(kind, [])
        if len(spans) < 2 or spans[-1].value is False or spans[-1].first_at <= one.last:
            return None
        return spans[-1].first_at

    def advise(self, ident: str, home: Household, one: Phone, now: datetime) -> None:
        """The person did what the message said; it helps if it is the right thing."""
        if ident == self.id or (ident == "icloud-storage-full" and home.full):
            self.ends = min(self.ends, now)
        if ident in {"restart-iphone", "update-ios"}:
            one.boot += 1
            if self.id == "restart-iphone":
                self.ends = min(self.ends, now)
        if ident == "update-ios":
            one.version = home.newest
        if ident == "sign-in-needed":
            self.signed_out = 1

    def over(self, home: Household, one: Phone) -> None:
        """It ended."""
        if self.id == "icloud-storage-full":
            home.full = False
            home.used = 0.6 * home.total
        if self.id in {"icloud-backup-off", "managed-policy"}:
            one.date_gone = True


def draw(rng: random.Random, home: Household, one: Phone, now: datetime) -> Cause | None:
    """The next thing to go wrong on this phone; None where it cannot happen here."""
    ident = rng.choice(INJECTED)
    lasts = timedelta(days=rng.uniform(4.5, 9) if ident == "restore-in-progress" else rng.uniform(5, 25))
    cause = Cause(ident, now, now + lasts, "", home.has_account)
    if ident in CURES:
        cause.stuck = True
    if ident == "account":
        cause.id = "sign-in-needed"
        cause.variant = rng.choice(("locked", "terms", "sign-in-needed", "signed-out", "log"))
        # A session that is over already, or today, cannot show that the password was changed.
        cause.account = home.will_stay_signed_in(now)
    if ident == "update-ios" and one.version >= home.newest:
        return None
    if ident == "clock-wrong":
        cause.number = rng.choice((-1, 1)) * round(rng.uniform(3_600, 20 * 86_400) / 60) * 60.0
    if ident == "iphone-storage-full":
        cause.number = rng.choice((0, 0, 3e8, 9e8))
    if ident == "locked-since-restart":
        one.boot += 1
    if ident == "icloud-storage-full":
        if home.full:
            return None
        home.full = True
    if ident == "low-power-mode" and rng.random() < 0.3:
        return None
    return cause
