"""``backupwatch check``: look now, run every check now, print the verdict; no notification."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from backupwatch import asking, clock, log, paths
from backupwatch import round as rounds
from backupwatch.cli.opening import config_of, pick, store_for_looking, udids_and_names
from backupwatch.cli.progress import Progress
from backupwatch.judge.finding import State
from backupwatch.judge.verdict import Verdict
from backupwatch.judge.watcher import Problem
from backupwatch.sources.looker import Looker
from backupwatch.zone import local_zone

if TYPE_CHECKING:
    from backupwatch.cli.app import Root

EXIT_CODES: Final = {
    State.FRESH: 0,
    State.IGNORED: 0,
    State.STALE: 1,
    State.OVERDUE: 2,
    State.NEVER: 2,
    State.UNSEEN: 3,
    State.UNKNOWN: 3,
}
"""The monitoring-plugin convention, as the contract fixes it."""


def run(root: Root, wanted: Sequence[str], *, as_json: bool) -> int:
    """Print the verdict; the exit code says the worst state."""
    log.configure(level="info" if root.verbose else "error")
    config = config_of(root.config_path)
    store = store_for_looking(clock.utc_now())
    watch = rounds.Watch(config, store, Looker(), paths.state_dir(), local_zone)
    try:
        verdict, problems = asyncio.run(_look(watch))
        shown = narrowed(verdict, wanted)
        snoozes = store.snoozes(verdict.generated_at)
        if as_json:
            print_json(shown, snoozes, watcher_json(watch, problems, daemon_state(), verdict.generated_at))
        else:
            from backupwatch.cli.show import print_verdict

            print_verdict(shown, problems, local_zone(), snoozes)
        return exit_code(shown, problems)
    finally:
        store.close()


async def _look(watch: rounds.Watch) -> tuple[Verdict, tuple[Problem, ...]]:
    now = clock.utc_now()
    rounds.judged(watch, now)  # so that phones already known to be stale have their log listened to
    with Progress() as progress:
        await rounds.look(watch, asking.ALL_SOURCES, now, on_fact=progress.fact)
    snapshot, verdict = rounds.judged(watch, now)
    return verdict, rounds.problems(watch, snapshot, now)


def narrowed(verdict: Verdict, wanted: Sequence[str]) -> Verdict:
    """Only the phones that the person asked for, with the state that follows from them."""
    from dataclasses import replace

    from backupwatch.judge.verdict import WORST

    if not wanted:
        return verdict
    udids = set(pick(wanted, udids_and_names(verdict.devices)))
    devices = tuple(device for device in verdict.devices if device.udid in udids)
    return replace(verdict, devices=devices, state=min((device.state for device in devices), key=WORST.index))


def exit_code(verdict: Verdict, problems: Sequence[Problem]) -> int:
    """0 fresh, 1 stale, 2 overdue or never, 3 when nothing could be judged or the watcher is blind."""
    watched = [device.state for device in verdict.devices if device.state is not State.IGNORED]
    code = EXIT_CODES[verdict.state] if watched else 3
    blind = any(problem.id in {"no-usbmuxd", "no-phone"} for problem in problems)
    return 3 if code == 0 and blind else code


def print_json(verdict: Verdict, snoozes: dict[str, datetime], watcher: dict[str, object]) -> None:
    """The contract's document on standard output."""
    from backupwatch.judge.verdict_json import to_json

    document = to_json(verdict, snoozed_until=snoozes) | {"watcher": watcher}
    json.dump(document, sys.stdout, indent=2, ensure_ascii=True)
    print()


def watcher_json(watch: rounds.Watch, problems: Sequence[Problem], daemon: str, now: datetime) -> dict[str, object]:
    """The contract's ``watcher``: whether the daemon runs, when a phone was last looked for, what is wrong."""
    sources = watch.store.sources()
    phones = sources.get("iphone")
    waiting = watch.store.pending()
    return {
        "daemon": daemon,
        "last_poll_at": clock.rfc3339(phones.tried_at) if phones and phones.tried_at else None,
        "problems": [f"{problem.sentence} {problem.fix}" for problem in problems],
        "sources": {
            name: {
                "last_success_at": clock.rfc3339(status.ok_at) if status.ok_at else None,
                "missed_rounds": status.missed,
                "worker_deaths": status.deaths,
            }
            for name, status in sources.items()
        },
        "outbox": {
            "waiting": len(waiting),
            "oldest_seconds": int((now - waiting[0].created_at).total_seconds()) if waiting else None,
        },
    }


def daemon_state() -> str:
    """``running`` or ``stopped``."""
    from backupwatch import control

    return "running" if control.running() else "stopped"
