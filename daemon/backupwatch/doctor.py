"""Can the watcher itself work here? Small functions, each answering with one line per thing and how to mend it.

The looking is done by the same workers that the daemon uses; what they found is judged in the modules beside this
one: :mod:`~backupwatch.doctor_computer`, :mod:`~backupwatch.doctor_phones`, :mod:`~backupwatch.doctor_online`.
A probe that fails in a way nobody foresaw becomes "could not be checked" and does not hide the others.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from backupwatch import asking, paths
from backupwatch.errors import BackupwatchError
from backupwatch.facts.observation import Fact
from backupwatch.facts.snapshot import Snapshot
from backupwatch.settings.values import Config
from backupwatch.sources.looker import Looker


class Level(StrEnum):
    """How a thing stands; in the order of badness."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


_LOOKED_AT: Final = frozenset(
    {"usbmuxd", "phones", "wifi-access", "network", "pairing-age", "account", "apple-status", "ios-releases",
     "notifications"}
)  # fmt: skip
"""What depends on the configuration."""
_UNCONFIGURED: Final = "not checked, because the configuration is not valid"
_MEND_FIRST: Final = "Correct the configuration first, then run: backupwatch doctor"
_ORDER: Final = (Level.OK, Level.WARNING, Level.BROKEN)


@dataclass(frozen=True, slots=True)
class Result:
    """One line.

    :ivar id: a fixed word, for a phone followed by ``:`` and its UDID.
    :ivar sentence: how the thing stands; one sentence.
    :ivar fix: the command or the path in Settings that mends it; "" where nothing needs mending.
    """

    id: str
    level: Level
    sentence: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the probes may look at; what they judge was fetched before.

    :ivar config: what holds; the last valid configuration where the files cannot be used.
    :ivar config_error: why they cannot be used, or None.
    :ivar configured: whether ``config`` is the person's, now or when it was last valid; else nothing was looked at,
        for the defaults may do what the person forbade.
    :ivar warnings: what loading the configuration warned of.
    :ivar facts: what the workers saw now.
    :ivar snapshot: what is remembered, or None.
    :ivar store_error: why nothing could be read, or None.
    :ivar now: aware UTC.
    """

    config: Config
    facts: Sequence[Fact]
    snapshot: Snapshot | None
    now: datetime
    state: Path
    config_error: BackupwatchError | None = None
    configured: bool = True
    warnings: tuple[str, ...] = ()
    store_error: BackupwatchError | None = None
    platform: str = sys.platform
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


Probe = Callable[[Situation], Sequence[Result] | Awaitable[Sequence[Result]]]


def worst(results: Sequence[Result]) -> Level:
    """The worst level of all; ``ok`` for none."""
    return max((result.level for result in results), key=_ORDER.index, default=Level.OK)


def exit_code(results: Sequence[Result]) -> int:
    """0 all is well, 1 something wants attention, 2 something is broken."""
    return _ORDER.index(worst(results))


async def examine(situation: Situation) -> list[Result]:
    """Ask every probe, in the order in which a person would mend things."""
    results: list[Result] = []
    for name, words, probe in probes():
        if name in _LOOKED_AT and not situation.configured:
            results.append(Result(name, Level.WARNING, f"{words}: {_UNCONFIGURED}", _MEND_FIRST))
        else:
            results.extend(await bordered(name, words, probe, situation))
    return results


def probes() -> list[tuple[str, str, Probe]]:
    """Id, what it is about in words, and the function."""
    from backupwatch import doctor_computer as computer
    from backupwatch import doctor_online as online
    from backupwatch import doctor_phones as phones

    return [
        ("config", "The configuration", computer.configuration),
        ("usbmuxd", "usbmuxd", phones.usbmuxd),
        ("phones", "The phones", phones.phones),
        ("wifi-access", "Wi-Fi access", phones.wifi_access),
        ("network", "The local network", phones.network),
        ("pairing-age", "The age of the pairings", phones.pairing_age),
        ("account", "The iCloud account", online.account),
        ("apple-status", "Apple's system status page", online.apple_status),
        ("ios-releases", "The list of iOS versions", online.ios_releases),
        ("notifications", "Notifications", computer.notifications),
        ("service", "The login service", computer.login_service),
        ("store", "The memory", computer.store),
        ("clock", "The clock", computer.clock_sane),
        ("disk", "Disk room", computer.disk),
        ("disk-access", "Access to local backups", computer.full_disk_access),
    ]


async def bordered(name: str, words: str, probe: Probe, situation: Situation) -> Sequence[Result]:
    """A probe's results, or one that says that it could not be checked."""
    try:
        answer = probe(situation)
        return await answer if isinstance(answer, Awaitable) else answer
    except BackupwatchError as error:
        return [Result(name, Level.WARNING, f"{words}: could not be checked ({error.what})", error.fix)]
    except Exception as error:  # noqa: BLE001 - the border: one broken probe must not hide the others
        sentence = f"{words}: could not be checked ({type(error).__name__})"
        return [Result(name, Level.WARNING, sentence, "Run again; if it stays so, report it as a fault")]


async def look_around(situation: Situation, on_fact: Callable[[Fact], None] | None = None) -> list[Fact]:
    """What the phones, the account and Apple's pages say now: the daemon's own looks, side by side.

    :param on_fact: called as facts arrive, for a progress line.
    """
    if not situation.configured:
        return []
    config, now = situation.config, situation.now
    known = situation.snapshot if situation.snapshot is not None else Snapshot(now)
    looker = Looker(environment=asking.environment(config))
    questions = []
    for source in ("iphone", "icloud", "apple-status", "ios-releases"):
        question = asking.question(source, config, known, None, situation.state, now, asking.Patience())
        if question is not None:
            questions.append(question)
    # A copy that is young enough for the daemon proves nothing about now.
    questions = [_afresh(q) if q.source == "apple-status" else q for q in questions]
    looks = [looker.look(q.source, q.request, q.deadline, subject=q.subject, on_fact=on_fact) for q in questions]
    return [fact for facts in await asyncio.gather(*looks) for fact in facts]


def _afresh(question: asking.Question) -> asking.Question:
    request = dataclasses.replace(question.request, args={**question.request.args, "min_age_s": 0})
    return dataclasses.replace(question, request=request)


def situation(config_path: Path | None, now: datetime) -> Situation:
    """What can be known without looking at a phone or a network; never raises for a broken configuration or store.

    :param config_path: ``--config``, or None for the usual place.
    """
    from backupwatch.settings.kept import last_good
    from backupwatch.settings.load import load
    from backupwatch.store import read_store

    config: Config | None = None
    warnings, config_error = tuple[str, ...](), None
    try:
        loaded = load(config_path, must_exist=config_path is not None)
        config, warnings = loaded.config, loaded.warnings
    except BackupwatchError as error:
        config_error, config = error, last_good(config_path)
    state, snapshot, store_error = paths.state_dir(), None, None
    try:
        if (store := read_store(paths.store_file(state))) is not None:
            try:
                snapshot = store.snapshot(now)
            finally:
                store.close()
    except BackupwatchError as error:
        store_error = error
    configured = config is not None
    return Situation(config or Config(), (), snapshot, now, state, config_error, configured, warnings, store_error)
