"""``backupwatch status``: what the watcher knows already. Reads the store, polls nothing, writes nothing in it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from backupwatch import clock, control, paths
from backupwatch.cli.lines import draws
from backupwatch.cli.quick_config import quick_config
from backupwatch.cli.verdicts import daemon_state, exit_code, narrowed, print_json, watcher_json
from backupwatch.errors import BackupwatchError
from backupwatch.facts.snapshot import Snapshot, as_moment
from backupwatch.judge.verdict import Verdict
from backupwatch.judge.watcher import Problem, SourceHealth, watch
from backupwatch.judging import verdict_of
from backupwatch.store import SourceStatus, Store, read_store
from backupwatch.view.words import Watching
from backupwatch.zone import local_zone

if TYPE_CHECKING:
    from rich.console import Console

    from backupwatch.cli.app import Root
    from backupwatch.settings.values import Config

REFRESH: Final = 2.0
"""Seconds between two readings of the store under ``--watch``."""
TO_BE_MIGRATED: Final = "The memory is from an older backupwatch and has not been brought up to date yet."
"""Who only reads changes nothing in it."""


@dataclass(frozen=True)
class Known:
    """What the store says at one moment."""

    verdict: Verdict
    snapshot: Snapshot
    problems: tuple[Problem, ...]
    snoozes: dict[str, datetime]
    watching: Watching
    watcher: dict[str, object]


def run(root: Root, wanted: Sequence[str], *, as_json: bool, as_prose: bool, stay: bool) -> int:
    """Print what is known; the exit code says the worst state.

    :param as_prose: whole sentences for a screen reader in place of the table.
    :param stay: show it again whenever it changes, until the person ends it.
    :raises BackupwatchError: the store cannot be read, or no phone is called so.
    """
    if stay and (as_json or not draws(sys.stdout)):
        raise BackupwatchError(
            "--watch draws on a terminal, and not on a dumb one",
            fix="Leave it out, or leave out --json and the redirection",
            exit_code=2,
        )
    config = quick_config(root.config_path)
    if not stay:
        return _once(config, wanted, as_json=as_json, as_prose=as_prose)
    return _stay(config, wanted, as_prose=as_prose)


def _once(config: Config, wanted: Sequence[str], *, as_json: bool, as_prose: bool) -> int:
    known = known_at(config, clock.utc_now())
    if as_json:
        verdict = narrowed(known.verdict, wanted)
        print_json(verdict, known.snoozes, known.watcher)
        return exit_code(verdict, known.problems)
    return _show(known, wanted, console(), as_prose=as_prose)


def _stay(config: Config, wanted: Sequence[str], *, as_prose: bool) -> int:
    """Draw anew in the same place until Ctrl-C."""
    out, code = console(), 3
    with out.screen(hide_cursor=True):
        try:
            while True:
                known = known_at(config, clock.utc_now())
                with out.capture() as drawn:
                    code = _show(known, wanted, out, as_prose=as_prose)
                lines = drawn.get().splitlines()[: out.height - 1]
                # Home, then each line with the rest of the old one wiped: nothing flickers.
                out.file.write("\x1b[H" + "".join(f"{line}\x1b[K\r\n" for line in lines) + "\x1b[J")
                out.file.write("Ctrl-C ends this.")
                out.file.flush()
                time.sleep(REFRESH)
        except KeyboardInterrupt:
            return code


def _show(known: Known, wanted: Sequence[str], out: Console, *, as_prose: bool) -> int:
    from backupwatch.cli import show

    verdict, zone = narrowed(known.verdict, wanted), local_zone()
    sight = show.Sight(
        verdict, zone, known.problems, known.snoozes, show.strips_of(known.snapshot, zone), known.watching
    )
    if as_prose:
        show.print_plainly(sight, out)
    else:
        show.print_sight(sight, out)
    return exit_code(verdict, known.problems)


def console() -> Console:
    """Standard output for tables; letters that it cannot write become question marks, never an error."""
    from rich.console import Console

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False)


def known_at(config: Config, now: datetime) -> Known:
    """Judge what the store holds at ``now``.

    :raises BackupwatchError: it cannot be read.
    """
    store = read_store(paths.store_file())
    if store is None:
        return _nothing(config, now)
    try:
        snapshot = store.snapshot(now)
        sources = store.sources()
        health = [SourceHealth(status.name, status.blind_since) for status in sources.values()]
        problems = watch(snapshot, health, config.freshness.stale_after, sys.platform, now)
        return Known(
            verdict_of(config, snapshot, local_zone(), now),
            snapshot,
            problems,
            store.snoozes(now),
            watching(store, sources),
            watcher_json(store, problems, daemon_state(), now),
        )
    finally:
        store.close()


def watching(store: Store, sources: dict[str, SourceStatus]) -> Watching:
    """The watcher's own line, from what the daemon noted."""
    looks = [status.tried_at for status in sources.values() if status.tried_at]
    coming = [status.next_at for status in sources.values() if status.next_at]
    runs = control.running() is not None
    return Watching(
        runs=runs,
        since=as_moment(store.meta("started_at")),
        last=max(looks, default=None),
        next=min(coming, default=None),
        service="running" if runs else _service(),
    )


def _service() -> str:
    """How the login service stands, for the step that starts the watch."""
    from backupwatch import service

    return service.state()


def _nothing(config: Config, now: datetime) -> Known:
    """No store, or one that an older version wrote and nobody has opened since."""
    snapshot = Snapshot(now)
    if paths.store_file().exists():
        sentence = TO_BE_MIGRATED
    else:
        sentence = "Nothing is remembered yet: no iPhone has been looked at on this computer."
    problem = Problem("no-store", sentence, "Run: backupwatch check", now)
    state = daemon_state()
    watcher: dict[str, object] = {
        "daemon": state,
        "last_poll_at": None,
        "problems": [f"{problem.sentence} {problem.fix}"],
    }
    verdict = verdict_of(config, snapshot, local_zone(), now)
    service = "running" if state == "running" else _service()
    return Known(verdict, snapshot, (problem,), {}, Watching(runs=state == "running", service=service), watcher)
