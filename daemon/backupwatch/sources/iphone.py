"""Looks at iPhones and iPads: through usbmuxd by cable and network, and directly by Bonjour.

Runs in a worker process. usbmuxd's address comes through ``USBMUXD_SOCKET_ADDRESS`` alone. Each phone is read in a
task of its own under one timeout, and whatever happens there ends there: a phone's failure is one
:class:`~backupwatch.facts.observation.Blind` about that phone. Nothing here ever pairs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

from pymobiledevice3.usbmux import MuxDevice

from backupwatch.facts import kinds
from backupwatch.facts.observation import HOST, Blind, BlindReason, Fact, Observation, phone
from backupwatch.sources import iphone_client, iphone_wifi
from backupwatch.sources.iphone_arguments import Arguments, bare
from backupwatch.sources.iphone_client import canonical
from backupwatch.sources.iphone_reading import SOURCE, Reading, Route
from backupwatch.sources.iphone_trouble import usbmuxd_trouble
from backupwatch.sources.iphone_wifi import IDENTIFY_SECONDS, Found
from backupwatch.sources.look import Request

LISTING_SECONDS: Final = 5.0
"""For usbmuxd to list what is attached: it answers from memory."""

CLEANUP_SECONDS: Final = 2.0
"""For tasks that were told to end; a hung TLS connection takes one second to close."""


async def look(request: Request) -> AsyncIterator[Fact]:
    """Yield facts as they become known.

    ``request.args`` are those of :class:`~backupwatch.sources.iphone_arguments.Arguments`.
    """
    facts: asyncio.Queue[Fact | None] = asyncio.Queue()
    round_ = Round(request, Arguments.read(request.args), facts.put_nowait)
    work = asyncio.create_task(round_.run())
    work.add_done_callback(lambda _: facts.put_nowait(None))
    try:
        while (fact := await facts.get()) is not None:
            yield fact
        work.result()
    finally:
        work.cancel()
        await asyncio.wait({work}, timeout=CLEANUP_SECONDS)


async def contain(work: Coroutine[Any, Any, None], seconds: float) -> BaseException | None:
    """Run ``work`` in a task of its own for at most ``seconds``; whatever it ends with comes back as a value.

    pymobiledevice3 raises ``CancelledError`` though nobody cancelled, so nothing may be awaited directly.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not task.done():
        _ENDING.add(task)
        task.add_done_callback(_forget)
        return TimeoutError()
    return asyncio.CancelledError() if task.cancelled() else task.exception()


_ENDING: set[asyncio.Task[None]] = set()
"""Tasks that were told to end and have not yet."""


def _forget(task: asyncio.Task[None]) -> None:
    _ENDING.discard(task)
    if not task.cancelled():
        task.exception()  # read, so that asyncio does not print it


class Round:
    """One look at all phones."""

    def __init__(self, request: Request, arguments: Arguments, emit: Callable[[Fact], None]) -> None:
        self._now = request.now
        self._arguments = arguments
        self._emit = emit
        self._gate = asyncio.Semaphore(arguments.concurrency)

    async def run(self) -> None:
        """Read every phone that is attached, and those that are only on the local network."""
        iphone_client.adopt_address()
        routes = await self._attached()
        work = [self._watch(udid, ways) for udid, ways in routes.items()]
        if self._arguments.wifi:
            work.append(self._browse({bare(udid) for udid in routes}))
        tasks = [asyncio.create_task(one) for one in work]
        try:
            if tasks:
                await asyncio.wait(tasks)
            for task in tasks:
                task.result()  # only our own mistakes: what a phone does is contained below
        finally:
            for task in tasks:
                task.cancel()

    # -- finding ------------------------------------------------------------------------------------------------

    async def _attached(self) -> dict[str, list[Route]]:
        """UDID to the ways that usbmuxd offers, the cable first."""
        found: list[MuxDevice] = []

        async def listing() -> None:
            found.extend(await iphone_client.list_devices())

        error = await contain(listing(), min(LISTING_SECONDS, self._arguments.phone_deadline_s))
        if error is not None:
            self._emit(Blind(HOST, SOURCE, *usbmuxd_trouble(error), self._now))
            return {}
        self._emit(Observation(HOST, kinds.USBMUXD, "ok", self._now, SOURCE))
        routes: dict[str, list[Route]] = {}
        for device in sorted(found, key=lambda device: not device.is_usb):
            udid = canonical(device.serial)
            if self._arguments.wants(udid):
                connection = "usb" if device.is_usb else "wifi"
                route = Route(device.serial, iphone_client.through_usbmuxd(device), connection)
                routes.setdefault(udid, []).append(route)
        return routes

    async def _browse(self, listed: set[str]) -> None:
        """Read phones that usbmuxd does not list, as they announce themselves."""
        wanted = {
            udid
            for udid in {*self._arguments.known, *iphone_client.recorded_udids()}
            if self._arguments.wants(udid) and bare(udid) not in listed
        }
        tasks: list[asyncio.Task[None]] = []

        def meet(found: Found) -> None:
            route = Route(found.serial, iphone_client.over_wifi(found.address), "wifi", found.port)
            tasks.append(asyncio.create_task(self._watch(canonical(found.serial), [route])))

        arguments = self._arguments
        browse = iphone_wifi.browse(wanted, arguments.wifi_browse_s, arguments.bonjour_interfaces, meet)
        error = await contain(browse, arguments.wifi_browse_s + IDENTIFY_SECONDS)
        if error is not None:
            reason = BlindReason.PERMISSION if isinstance(error, PermissionError) else BlindReason.NETWORK
            sentence = "The local network could not be searched for phones"
            self._emit(Blind(HOST, "iphone:wifi-browse", reason, sentence, self._now))
        for task in tasks:
            await task

    # -- reading ------------------------------------------------------------------------------------------------

    async def _watch(self, udid: str, routes: list[Route]) -> None:
        """Read one phone when its turn comes; listen to its log afterwards if that was asked for."""
        reading, deadline = Reading(phone(udid), self._now, self._emit), self._arguments.phone_deadline_s
        async with self._gate:
            error = await contain(reading.by_any(routes), deadline)
            reading.finish(error)
        seconds = self._arguments.listen_seconds(udid)
        if error is None and seconds:
            route = next(route for route in routes if route.connection == reading.connection)
            reading.finish_listening(await contain(reading.listen(route, seconds), deadline + seconds))
