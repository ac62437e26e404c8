"""The daemon's process: ``python -m backupwatch.resident [CONFIG]``, which ``backupwatch run`` becomes.

A process of its own kind because it stays for years: nothing of the command line, which brings six megabytes of
argument parsing, is imported here, and the configuration is read by a process that ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from random import random
from types import FrameType
from typing import Final

from backupwatch import log  # first of all: see there

import structlog  # isort: skip

from backupwatch import clock, control, paths
from backupwatch import round as rounds
from backupwatch.daemon import Daemon, open_report, signed_in_since
from backupwatch.delivery.channel import Channel
from backupwatch.delivery.chooser import channels
from backupwatch.delivery.journal import JournalChannel
from backupwatch.delivery.macos import event_loop_factory
from backupwatch.errors import BackupwatchError
from backupwatch.schedule import Schedule
from backupwatch.settings.remote import load_in_subprocess
from backupwatch.settings.values import Config
from backupwatch.settings.watch import changes, signature
from backupwatch.sources.arrivals import arrivals
from backupwatch.sources.looker import Looker, sweep
from backupwatch.store import Store, open_store
from backupwatch.zone import local_zone

CONFIG_POLL: Final = 5.0
"""Seconds between two looks at the configuration's files: soon enough for a person, seldom enough for a battery."""


def main(config_path: Path | None, *, level: str = "info") -> int:
    """Watch until SIGTERM; 0 at a clean end, else the exit code of the failure that was said in one line."""
    log.configure(level=level)
    log.keep_short(paths.launchd_log())
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells of every heartbeat, twice
    if config_path is not None:  # for the page that a button opens, and whatever else is started from here
        os.environ[paths.CONFIG_VARIABLE] = str(config_path.absolute())
    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, _too_early)  # their default is to end a process that has not even begun
    try:
        with asyncio.Runner(loop_factory=event_loop_factory()) as runner:  # macOS needs its own for buttons
            runner.run(_run(config_path))
    except BackupwatchError as error:
        print(error.line(), file=sys.stderr)  # noqa: T201 - the error border of this program
        return error.exit_code
    return 0


async def _run(config_path: Path | None) -> None:
    """:raises BackupwatchError: another one runs, the configuration is wrong at the start, the store is unusable."""
    logger = structlog.stdlib.get_logger(__name__)
    lock = control.acquire()
    try:
        sweep()  # after a SIGKILL
        own = paths.config_file(config_path)
        since = signature(own)  # before it is read, so that a change while this starts is not missed
        loaded = await load_in_subprocess(config_path)
        for warning in loaded.warnings:
            logger.warning(warning)

        def open_it() -> Store:
            return open_store(paths.store_file(), clock.utc_now(), logger.warning)

        async def reload() -> Config:
            return (await load_in_subprocess(config_path)).config

        async def act(message_id: str, _thread: str, udid: str | None, action: str) -> None:
            logger.info("button pressed", action=action)
            if action == "steps":
                await open_report(udid)
            else:
                await daemon.act(message_id, action)

        def speak(config: Config) -> list[Channel]:
            memory = paths.runtime_dir() / "desktop.json"
            return channels(config.alerts.desktop, on_action=act, memory=memory) or [JournalChannel()]

        store = open_it()
        watch = rounds.Watch(loaded.config, store, Looker(), paths.state_dir(), local_zone)
        daemon = Daemon(
            watch,
            reload,
            speak,
            arrivals=lambda: arrivals(watch.config.advanced.usbmuxd),
            changes=lambda: changes(own, CONFIG_POLL, since=since),
            reopen=open_it,
            schedule=planned(store),
        )
        logger.info("watching", state=str(paths.state_dir()), config=str(own))
        await daemon.run()
    finally:
        lock.release()


def planned(store: Store) -> Schedule:
    """What an earlier run planned: Apple's account is not asked more often because the daemon starts more often."""
    schedule = Schedule(random, seed=str(store.path))
    status = store.sources().get("icloud")
    if status is not None and status.tried_at is not None:
        blind = store.snapshot(clock.utc_now()).account.blind("icloud")
        schedule.resume(
            status.tried_at, status.next_at, blind, acted=signed_in_since(paths.state_dir(), status.tried_at)
        )
    return schedule


def _too_early(_number: int, _frame: FrameType | None) -> None:
    """The first round is yet to come, with the newest of everything."""


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] and sys.argv[1] else None, level=(*sys.argv[2:], "info")[0]))
