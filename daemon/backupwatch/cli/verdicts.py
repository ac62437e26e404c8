"""What ``check`` and ``status`` share: exit codes, the phones asked for, the contract's document."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from backupwatch import clock, control
from backupwatch.cli.opening import pick, udids_and_names
from backupwatch.judge.finding import State
from backupwatch.judge.verdict import WORST, Verdict
from backupwatch.judge.watcher import Problem
from backupwatch.store import Store

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


def narrowed(verdict: Verdict, wanted: Sequence[str]) -> Verdict:
    """Only the phones that the person asked for, with the state that follows from them."""
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


def print_json(verdict: Verdict, snoozes: Mapping[str, datetime], watcher: Mapping[str, object]) -> None:
    """The contract's document on standard output."""
    from backupwatch.judge.verdict_json import to_json

    document = to_json(verdict, snoozed_until=snoozes) | {"watcher": dict(watcher)}
    json.dump(document, sys.stdout, indent=2, ensure_ascii=True)
    print()


def watcher_json(store: Store, problems: Sequence[Problem], daemon: str, now: datetime) -> dict[str, object]:
    """The contract's ``watcher``: whether the daemon runs, when a phone was last looked for, what is wrong."""
    sources = store.sources()
    phones = sources.get("iphone")
    waiting = store.pending()
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
    return "running" if control.running() else "stopped"
