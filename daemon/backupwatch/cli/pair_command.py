"""``backupwatch pair``: trust between a phone and this computer, with what to tap at each moment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from backupwatch import clock, log, paths, text
from backupwatch.asking import environment
from backupwatch.cli.lines import say
from backupwatch.cli.opening import config_of, pick
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import Blind, Fact, Observation, SubjectKind
from backupwatch.setup.pairing import PATIENCE_S, Failure, Step, pair
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker
from backupwatch.wording import values
from backupwatch.zone import local_zone

_LOOK_S: Final = 45.0
"""Seconds to find out what is attached, the start of the worker included."""

_SAY: Final = {
    Step.UNLOCK: "Unlock the iPhone: enter its passcode.",
    Step.TRUST: "On the iPhone tap “Trust”, then enter its passcode.",
    Step.ALREADY: "The iPhone already trusts this computer.",
    Step.TRUSTED: "The iPhone trusts this computer now.",
    Step.WIFI: "It may also be looked at over Wi-Fi from now on.",
    Step.NO_WIFI: "Wi-Fi access could not be switched on; the iPhone will be seen by cable only.",
}

_NEXT: Final = {
    "absent": "Next: backupwatch service install",
    "stopped": "Next: backupwatch service start",
    "running": "The watch is on. How the phones are: backupwatch status",
    "impossible": "Next, and to be kept running, for there is no login service on this computer: backupwatch run",
}

_FAILURES: Final = {
    Failure.NO_USBMUXD: ("usbmuxd does not answer", "Run: backupwatch doctor"),
    Failure.NO_CABLE: ("The iPhone is here over Wi-Fi only", "Pairing needs the cable: connect it and try again"),
    Failure.GONE: ("The iPhone was unplugged", "Connect it again, leave it connected, and run: backupwatch pair"),
    Failure.LOCKED: ("The iPhone stayed locked", "Unlock it with its passcode and run: backupwatch pair"),
    Failure.DENIED: (
        "“Don’t Trust” was tapped on the iPhone",
        "Unplug it, connect it again, run backupwatch pair and tap Trust",
    ),
    Failure.NO_ANSWER: (
        "Nobody answered “Trust This Computer?” on the iPhone",
        "Run backupwatch pair again and tap Trust; if nothing shows, unplug the iPhone and connect it again",
    ),
    Failure.FORBIDDEN: (
        "The organisation that manages this iPhone forbids pairing",
        "Ask the people who manage it",
    ),
    Failure.NOT_ACCEPTED: (
        "The iPhone does not accept the pairing that was just made",
        "Unplug it, restart it, connect it again and run: backupwatch pair",
    ),
    Failure.SILENT: ("The iPhone stopped answering", "Unplug it, connect it again and run: backupwatch pair"),
    Failure.UNKNOWN: ("Pairing failed in an unexpected way", "Run backupwatch pair again; backupwatch doctor may help"),
}


def run(config_path: Path | None, device: str | None) -> int:
    """Pair one phone and read its backup date as proof.

    :param device: name or UDID; None where only one phone is attached, or a person can choose.
    :returns: 0; every failure is raised.
    """
    log.configure(level="error")
    config = config_of(config_path)
    return asyncio.run(_pair(config_path, environment(config), device))


async def _pair(config_path: Path | None, extra: dict[str, str], wanted: str | None) -> int:
    found = await _attached(extra)
    udid = _choose(found, wanted)
    say(f"{text.name(found[udid])}: keep the cable connected and the iPhone in your hand.", sys.stdout)
    failure = await pair(udid, extra, lambda step: say(_SAY[step], sys.stdout), patience=PATIENCE_S)
    if failure is not None:
        what, fix = _FAILURES[failure]
        raise BackupwatchError(what, fix=fix)
    facts = await _look(extra, [udid])
    say(proof(facts, udid), sys.stdout)
    from backupwatch.settings.edit import remember_device

    remember_device(udid, config_file=config_path)
    say(_next(), sys.stdout)
    return 0


def _next() -> str:
    """What comes after pairing on this computer."""
    from backupwatch import service

    return _NEXT[service.state()]


async def _attached(extra: dict[str, str]) -> dict[str, str]:
    """UDID to name of every phone that is here now, as its own words say.

    :raises BackupwatchError: none, or nobody to ask.
    """
    facts = await _look(extra, None)
    if blind := next((f for f in facts if isinstance(f, Blind) and f.subject.kind is SubjectKind.HOST), None):
        raise BackupwatchError(blind.sentence, fix="Run: backupwatch doctor")
    phones = {fact.subject.id: "" for fact in facts if fact.subject.kind is SubjectKind.PHONE}
    phones.update({f.subject.id: f.value for f in _observed(facts, kinds.NAME) if isinstance(f.value, str)})
    if not phones:
        raise BackupwatchError(
            "No iPhone is connected",
            fix="Connect it with a cable, unlock it, and run: backupwatch pair (some cables only charge)",
        )
    return phones


async def _look(extra: dict[str, str], only: list[str] | None) -> list[Fact]:
    arguments: dict[str, Any] = {"only": only, "wifi": False}
    return await Looker(environment=extra).look(
        "iphone", Request(clock.utc_now(), paths.state_dir(), arguments), _LOOK_S
    )


def _choose(phones: dict[str, str], wanted: str | None) -> str:
    if wanted is not None:
        return pick([wanted], phones.items())[0]
    if len(phones) == 1:
        return next(iter(phones))
    listed = list(phones.items())
    for number, (udid, called) in enumerate(listed, start=1):
        print(f"  {number}  {text.name(called)} ({text.short_udid(udid)})")
    if not sys.stdin.isatty():
        raise BackupwatchError(
            f"{len(listed)} phones are connected", fix="Name one: backupwatch pair NAME", exit_code=2
        )
    return listed[_number(len(listed)) - 1][0]


def _number(highest: int) -> int:
    while True:
        answer = input(f"Which one? [1-{highest}] ").strip()
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= highest:
            return int(answer)


def proof(facts: Sequence[Fact], udid: str) -> str:
    """The sentence that shows that the watch can read what it is about.

    :raises BackupwatchError: it cannot.
    """
    mine = [fact for fact in facts if fact.subject.id == udid]
    enabled = _value(mine, kinds.CLOUD_BACKUP_ENABLED)
    date = _value(mine, kinds.LAST_CLOUD_BACKUP)
    if isinstance(date, str):
        return f"Proof: its last iCloud backup was {values.minute(clock.parse_rfc3339(date), local_zone())}."
    if enabled is False:
        return "Proof: its backup settings can be read, and they say that iCloud Backup is off."
    if any(isinstance(fact, Observation) and fact.kind == kinds.LAST_CLOUD_BACKUP for fact in mine):
        return "Proof: its backup settings can be read, and they say that it never made an iCloud backup."
    blind = next((fact for fact in mine if isinstance(fact, Blind)), None)
    raise BackupwatchError(
        "The iPhone is paired, but its backup date cannot be read",
        meaning=blind.sentence if blind else "",
        fix="Unlock it and run: backupwatch check",
        retry=True,
    )


def _observed(facts: Iterable[Fact], kind: str) -> list[Observation]:
    return [fact for fact in facts if isinstance(fact, Observation) and fact.kind == kind]


def _value(facts: Iterable[Fact], kind: str) -> object:
    return next((fact.value for fact in _observed(facts, kind)), None)
