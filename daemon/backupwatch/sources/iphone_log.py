"""Listens to a phone's log for a bounded time and keeps what backupd says about backups, nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Final

from pymobiledevice3.exceptions import ConnectionTerminatedError
from pymobiledevice3.services.os_trace import OsActivityStreamFlag, OsTraceService, SyslogEntry

from backupwatch.clock import rfc3339
from backupwatch.facts.observation import Json
from backupwatch.sources.backup_log import SUBSYSTEM, parse_line
from backupwatch.sources.iphone_client import PhoneClient

FLAGS: Final = OsActivityStreamFlag.PAYLOAD | OsActivityStreamFlag.HISTORICAL | OsActivityStreamFlag.DEBUG
"""The lines, those from before we came, and the finer ones; not the call stacks, which are most of the volume."""

MAX_EVENTS: Final = 500
"""Events of one look; a busy night has some dozens."""

Event = dict[str, Json]


async def events(client: PhoneClient, seconds: float) -> AsyncIterator[Event | None]:
    """Yield what the log tells for ``seconds``, each event once; first of all None, as soon as anything is heard.

    Ends early when the phone closes the log, or at :data:`MAX_EVENTS`.

    :raises ConnectionTerminatedError: the log was closed before anything was heard.
    """
    heard: set[str] = set()
    service, deadline = OsTraceService(client), asyncio.get_running_loop().time() + seconds
    stream = service.syslog(stream_flags=FLAGS)
    silent = True
    try:
        while len(heard) < MAX_EVENTS:
            try:
                async with asyncio.timeout_at(deadline):
                    entry = await anext(stream)
            except (TimeoutError, StopAsyncIteration):
                return
            except ConnectionTerminatedError:
                if silent:
                    raise
                return
            if silent:
                silent = False
                yield None
            event = event_of(entry)
            if event is not None and (mark := repr(event)) not in heard:
                heard.add(mark)
                yield event
    finally:
        with contextlib.suppress(Exception):
            await stream.aclose()
        connection = service.service
        with contextlib.suppress(Exception):
            connection.writer.transport.abort()  # no writer where never connected
        with contextlib.suppress(Exception):
            await service.close()


def event_of(entry: SyslogEntry) -> Event | None:
    """The event that a log entry tells, with the entry's own time, or None for an entry of no interest.

    The library gives that time as naive local time of this computer.
    """
    if entry.label is None or entry.label.subsystem != SUBSYSTEM:
        return None
    event = parse_line(entry.message)
    if event is None:
        return None
    try:
        return {"at": rfc3339(entry.timestamp.astimezone(UTC)), **event}
    except (OverflowError, ValueError, OSError):
        return None
