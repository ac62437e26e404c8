"""``backupwatch run``: the daemon in the foreground; what the login service starts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from backupwatch import clock, control, log, paths
from backupwatch import round as rounds
from backupwatch.daemon import Daemon, open_report
from backupwatch.delivery.channel import Channel
from backupwatch.delivery.chooser import channels
from backupwatch.delivery.journal import JournalChannel
from backupwatch.delivery.macos import event_loop_factory
from backupwatch.settings.remote import load_in_subprocess
from backupwatch.settings.values import Config
from backupwatch.settings.watch import changes, signature
from backupwatch.sources.arrivals import arrivals
from backupwatch.sources.looker import Looker
from backupwatch.store import open_store
from backupwatch.zone import local_zone

if TYPE_CHECKING:
    from backupwatch.cli.app import Root

CONFIG_POLL: Final = 5.0
"""Seconds between two looks at the configuration's files: soon enough for a person, seldom enough for a battery."""


def run(root: Root) -> int:
    """Watch until SIGTERM; 0 at a clean end.

    :raises BackupwatchError: another one runs, the configuration is wrong at the start, the store is unusable.
    """
    log.configure(level="debug" if root.verbose else "info")
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:  # macOS needs its own for buttons
        runner.run(_run(root.config_path))
    return 0


async def _run(config_path: Path | None) -> None:
    logger = structlog.stdlib.get_logger(__name__)
    lock = control.acquire()
    try:
        own = paths.config_file(config_path)
        since = signature(own)  # before it is read, so that a change while this starts is not missed
        loaded = await load_in_subprocess(config_path)
        for warning in loaded.warnings:
            logger.warning(warning)
        config = loaded.config
        store = open_store(paths.store_file(), clock.utc_now(), logger.warning)

        async def reload() -> Config:
            return (await load_in_subprocess(config_path)).config

        async def act(_message_id: str, _thread: str, udid: str | None, action: str) -> None:
            logger.info("button pressed", action=action)
            if action == "steps":
                open_report(udid)
            else:
                await daemon.act(udid, action)

        def speak(config: Config) -> list[Channel]:
            memory = paths.runtime_dir() / "desktop.json"
            return channels(config.alerts.desktop, on_action=act, memory=memory) or [JournalChannel()]

        watch = rounds.Watch(config, store, Looker(), paths.state_dir(), local_zone)
        daemon = Daemon(
            watch,
            reload,
            speak,
            arrivals=lambda: arrivals(watch.config.advanced.usbmuxd),
            changes=lambda: changes(own, CONFIG_POLL, since=since),
        )
        logger.info("watching", state=str(paths.state_dir()), config=str(own))
        await daemon.run()
    finally:
        lock.release()
