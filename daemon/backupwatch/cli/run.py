"""``backupwatch run``: the daemon in the foreground; what the login service starts."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from backupwatch import clock, control, log, paths
from backupwatch import round as rounds
from backupwatch.daemon import Daemon, open_report
from backupwatch.delivery.channel import Channel
from backupwatch.delivery.chooser import channels
from backupwatch.settings.remote import load_in_subprocess
from backupwatch.settings.values import Config
from backupwatch.settings.watch import changes
from backupwatch.sources.arrivals import arrivals, debounced
from backupwatch.sources.looker import Looker
from backupwatch.store import open_store
from backupwatch.zone import local_zone

if TYPE_CHECKING:
    from backupwatch.cli.app import Root


def run(root: Root) -> int:
    """Watch until SIGTERM; 0 at a clean end.

    :raises BackupwatchError: another one runs, the configuration is wrong at the start, the store is unusable.
    """
    log.configure(level="debug" if root.verbose else "info")
    asyncio.run(_run(root.config_path))
    return 0


async def _run(config_path: Path | None) -> None:
    logger = structlog.stdlib.get_logger(__name__)
    lock = control.acquire()
    try:
        loaded = await load_in_subprocess(config_path)
        for warning in loaded.warnings:
            logger.warning(warning)
        config = loaded.config
        state = paths.state_dir()
        store = open_store(paths.store_file(), clock.utc_now(), logger.warning)

        async def reload() -> Config:
            return (await load_in_subprocess(config_path)).config

        async def act(_message_id: str, _thread: str, udid: str | None, action: str) -> None:
            logger.info("button pressed", action=action)
            if action == "steps":
                open_report(udid)
            else:
                await daemon.act(udid, action)

        spoken: list[Channel] = list(channels(desktop=config.alerts.desktop, on_action=act))
        watch = rounds.Watch(config, store, Looker(), state, local_zone, spoken)
        daemon = Daemon(
            watch,
            reload,
            arrivals=functools.partial(_arrivals, watch),
            changes=functools.partial(changes, paths.config_file(config_path)),
        )
        logger.info("watching", state=str(state), config=str(paths.config_file(config_path)))
        await daemon.run()
    finally:
        lock.release()


async def _arrivals(watch: rounds.Watch) -> AsyncIterator[object]:
    async for arrival in debounced(arrivals(watch.config.advanced.usbmuxd)):
        yield arrival
