"""``backupwatch check``: look now, run every check now, print the verdict; no notification."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from backupwatch import asking
from backupwatch.cli.quick_config import quick_config
from backupwatch.settings.values import Config
from backupwatch.sources.looker import Looker, sweep

if TYPE_CHECKING:
    from backupwatch import round as rounds
    from backupwatch.cli.app import Root
    from backupwatch.facts.snapshot import Snapshot
    from backupwatch.judge.verdict import Verdict
    from backupwatch.judge.watcher import Problem

_PATIENCE: Final = asking.Patience(night_log=asking.Patience().log)
"""Somebody waits for the answer: also at night a phone's log is heard for seconds only."""


def run(root: Root, wanted: Sequence[str], *, as_json: bool) -> int:
    """Print the verdict; the exit code says the worst state."""
    sweep()
    return asyncio.run(_check(quick_config(root.config_path), wanted, as_json=as_json, verbose=root.verbose))


async def _check(config: Config, wanted: Sequence[str], *, as_json: bool, verbose: bool) -> int:
    looker = Looker(environment=asking.environment(config))
    await looker.prepare("iphone")  # its library takes as long to load as all that is loaded here meanwhile
    try:
        return await _answer(config, looker, wanted, as_json=as_json, verbose=verbose)
    finally:
        await looker.close()


async def _answer(config: Config, looker: Looker, wanted: Sequence[str], *, as_json: bool, verbose: bool) -> int:
    from backupwatch import clock, log, paths
    from backupwatch import round as rounds
    from backupwatch.cli.opening import store_for_looking
    from backupwatch.cli.verdicts import daemon_state, exit_code, narrowed, print_json, watcher_json
    from backupwatch.zone import local_zone

    log.configure(level="info" if verbose else "error")
    store = store_for_looking(clock.utc_now())
    watch = rounds.Watch(config, store, looker, paths.state_dir(), local_zone, patience=_PATIENCE)
    try:
        snapshot, verdict, problems = await _look(watch)
        shown = narrowed(verdict, wanted)
        snoozes = store.snoozes(verdict.generated_at)
        if as_json:
            print_json(shown, snoozes, watcher_json(store, problems, daemon_state(), verdict.generated_at))
        else:
            from backupwatch.cli.show import print_verdict

            print_verdict(shown, problems, local_zone(), snoozes, snapshot=snapshot)
        return exit_code(shown, problems)
    finally:
        store.close()


async def _look(watch: rounds.Watch) -> tuple[Snapshot, Verdict, tuple[Problem, ...]]:
    from backupwatch import clock
    from backupwatch import round as rounds
    from backupwatch.cli.progress import Progress

    now = clock.utc_now()
    rounds.judged(watch, now)  # so that phones already known to be stale have their log listened to
    with Progress() as progress:
        await rounds.look(watch, _sources(watch, now), now, on_fact=progress.fact)
    snapshot, verdict = rounds.judged(watch, now)
    return snapshot, verdict, rounds.problems(watch, snapshot, now)


def _sources(watch: rounds.Watch, now: datetime) -> list[str]:
    """Phones, account and folders always; Apple's pages at most as often as the configuration says."""
    last = watch.store.sources()
    pauses = {"apple-status": watch.config.polling.services_every, "ios-releases": asking.RELEASES_EVERY}
    return [
        name
        for name in asking.ALL_SOURCES
        if name not in pauses
        or (status := last.get(name)) is None
        or status.ok_at is None
        or not timedelta(0) <= now - status.ok_at < pauses[name]
    ]
