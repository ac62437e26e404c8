"""What a person sees who starts ``backupwatch`` with nothing else: what was found, and what to do next."""

from __future__ import annotations

import asyncio
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backupwatch import clock, log, paths, service, text
from backupwatch.asking import environment
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import Blind, Fact, Observation, SubjectKind
from backupwatch.settings.values import Config
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

_LOOK_S: Final = 30.0
"""Seconds to see what is attached; the person waits."""

PAIR = "Connect the iPhone with a cable, unlock it, and run: backupwatch pair"
LOGIN = "To watch the iCloud storage, too (may be left out): backupwatch login"
INSTALL = "To watch from now on and after every login: backupwatch service install"


@dataclass(frozen=True, slots=True)
class Found:
    """What there is on this computer.

    :ivar paired: names of the phones that trust this computer, here or remembered; safe to print.
    :ivar strangers: names of the phones that are connected and never trusted it.
    :ivar lost: names of the phones that are connected and trust it no longer.
    :ivar configured: whether a configuration could be used; else nothing was looked at.
    :ivar trouble: why phones cannot be seen or the configuration not be used, or None.
    :ivar account: whether an iCloud account is configured.
    :ivar service: ``running``, ``stopped``, ``absent``, or ``impossible`` where there is no init system to ask.
    """

    paired: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    configured: bool = True
    trouble: BackupwatchError | None = None
    account: bool = False
    service: str = "absent"


def welcome(config_path: Path | None = None) -> int:
    """Say what was found and what to do next; always 0, since nothing was asked for."""
    log.configure(level="error")
    _say("backupwatch tells you when an iPhone stopped backing up, why, and what to tap.", "")
    found = find(config_path)
    _say(*described(found), "", *numbered(steps(found)), "")
    _say("To see it at work without an iPhone: backupwatch demo. All commands: backupwatch --help")
    return 0


def _say(*lines: str) -> None:
    """Print lines, wrapped at the terminal's width under the first word of a numbered step."""
    width = max(40, min(100, shutil.get_terminal_size((80, 24)).columns))
    for line in lines:
        indent = " " * 5 if line.startswith("  ") else ""
        print(textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def next_steps(config_path: Path | None = None) -> list[str]:
    """What is still missing on this machine, one line each, for the end of ``service install``."""
    found = find(config_path)
    missing = [step for step in steps(found) if step not in {INSTALL, LOGIN}]
    return [] if found.paired and not found.trouble else missing


def find(config_path: Path | None = None) -> Found:
    """Look around without changing anything and without ever failing."""
    from backupwatch.settings.kept import last_good
    from backupwatch.settings.load import load

    config: Config | None = None
    trouble = None
    try:
        config = load(config_path, must_exist=config_path is not None).config
    except BackupwatchError as error:
        trouble, config = error, last_good(config_path)
    facts = asyncio.run(_look(config)) if config is not None else []
    blind = next((f for f in facts if isinstance(f, Blind) and f.subject.kind is SubjectKind.HOST), None)
    if trouble is None and blind is not None:
        trouble = BackupwatchError(blind.sentence, fix="Run: backupwatch doctor")
    here, known = _met(facts), _remembered()
    told = [(udid, here.get(udid, ("", "")), known.get(udid, ("", ""))) for udid in {**known, **here}]
    called = {udid: text.name(now[0] or before[0]) for udid, now, before in told}
    trust = {udid: now[1] or before[1] for udid, now, before in told}
    return Found(
        tuple(called[udid] for udid in called if trust[udid] == "trusted"),
        tuple(called[udid] for udid in here if trust[udid] not in {"trusted", "lost"}),
        tuple(called[udid] for udid in called if trust[udid] == "lost"),
        config is not None,
        trouble,
        config is not None and bool(config.account.apple_id),
        service.state(),
    )


def steps(found: Found) -> list[str]:
    """What to do next, in order; empty when all is set up."""
    todo = [found.trouble.fix] if found.trouble is not None and found.trouble.fix else []
    if not found.configured:
        return todo
    if found.strangers:
        todo.append("Unlock the iPhone and run: backupwatch pair")
    elif found.lost or not found.paired:
        todo.append(PAIR)
    if not found.account:
        todo.append(LOGIN)
    if found.service == "absent":
        todo.append(INSTALL)
    elif found.service == "stopped":
        todo.append("The service is installed, but does not run: backupwatch service start")
    elif found.service == "impossible":
        todo.append("There is no login service on this computer; keep this running: backupwatch run")
    return todo


def described(found: Found) -> list[str]:
    """What there is, a line each."""
    told = []
    if found.trouble is not None:
        told.append(f"Trouble: {found.trouble.what.rstrip('.')}.")
    if found.paired:
        told.append(f"Found: {_listed(found.paired)}, paired with this computer.")
    if found.strangers:
        told.append(f"Found: {_listed(found.strangers)}, connected but not paired.")
    if found.lost:
        verb = "trusts" if len(found.lost) == 1 else "trust"
        told.append(f"Found: {_listed(found.lost)}, which no longer {verb} this computer.")
    if not told:
        told.append("Found: no iPhone yet.")
    if found.service == "running":
        told.append("The watch is on. How the phones are: backupwatch status")
    return told


def numbered(todo: Sequence[str]) -> list[str]:
    """The steps as a person follows them."""
    if not todo:
        return ["Everything is set up."]
    if len(todo) == 1:
        return [f"Next: {todo[0]}"]
    return ["Next:", *(f"  {number}. {step}" for number, step in enumerate(todo, start=1))]


async def _look(config: Config) -> list[Fact]:
    request = Request(clock.utc_now(), paths.state_dir(), {"wifi": False})
    return await Looker(environment=environment(config)).look("iphone", request, _LOOK_S)


def _met(facts: Sequence[Fact]) -> dict[str, tuple[str, str]]:
    """UDID to name and trust of each phone that is here; "" for what it did not say."""
    values: dict[str, dict[str, object]] = {}
    for fact in facts:
        if isinstance(fact, Observation) and fact.subject.kind is SubjectKind.PHONE:
            values.setdefault(fact.subject.id, {})[fact.kind] = fact.value
    return {
        udid: (str(known.get(kinds.NAME) or ""), str(known.get(kinds.TRUST) or "")) for udid, known in values.items()
    }


def _remembered() -> dict[str, tuple[str, str]]:
    """The same of phones that were read before; none if the memory cannot be read, which the doctor tells."""
    from backupwatch.store import read_store

    try:
        if (store := read_store(paths.store_file())) is None:
            return {}
        try:
            phones = store.snapshot(clock.utc_now()).phones
        finally:
            store.close()
    except BackupwatchError:
        return {}
    readings = {udid: (view.text(kinds.NAME), view.text(kinds.TRUST)) for udid, view in phones.items()}
    return {
        udid: (name.value if name else "", trust.value if trust else "") for udid, (name, trust) in readings.items()
    }


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
