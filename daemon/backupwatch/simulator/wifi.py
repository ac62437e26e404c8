"""The Wi-Fi of the stage: phones that can be reached directly, each at a loopback address of its own.

lockdownd's port is fixed in every client, so each phone needs an address: 127.x.y.z, all of which Linux answers.
Where the system has only 127.0.0.1 (macOS), phones are reached through usbmuxd alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from backupwatch.simulator.channel import Channel
from backupwatch.simulator.phone import LOCKDOWN_PORT, PhoneActor

_FIRST_NET, _LAST_NET = 62, 250
"""Second byte of the addresses; each stage on this machine takes the first that is free."""


class Wifi:
    """The air: one door per phone that is on Wi-Fi, and one per service that was started over it."""

    def __init__(self, phones: Mapping[str, PhoneActor]) -> None:
        self._phones = phones
        self._doors: dict[str, list[asyncio.Server]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._guard: asyncio.Server | None = None
        self.available = False
        """Whether phones can be reached directly."""

    async def start(self) -> None:
        """Take a free block of addresses and give one to each phone."""
        for net in range(_FIRST_NET, _LAST_NET):
            try:
                self._guard = await asyncio.start_server(self._nobody, f"127.{net}.255.254", LOCKDOWN_PORT)
            except OSError:
                continue
            for number, phone in enumerate(self._phones.values()):
                phone.address = f"127.{net}.{number // 250}.{number % 250 + 1}"
                phone.on_new_port = partial(self._open, phone)
            self.available = True
            return

    async def stop(self) -> None:
        """Close every door."""
        for udid in list(self._doors):
            self._shut(udid)
        if self._guard is not None:
            self._guard.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def refresh(self) -> None:
        """Open and close doors as the world has changed."""
        if not self.available:
            return
        for udid, phone in self._phones.items():
            here = not phone.vanished and "Network" in phone.now().links
            if here and udid not in self._doors:
                self._doors[udid] = []
                await self._open(phone, LOCKDOWN_PORT)
            elif not here and udid in self._doors:
                self._shut(udid)

    def on_air(self) -> list[PhoneActor]:
        """The phones that can be reached directly now."""
        return [phone for udid, phone in self._phones.items() if udid in self._doors]

    def _shut(self, udid: str) -> None:
        for server in self._doors.pop(udid, []):
            server.close()

    async def _open(self, phone: PhoneActor, port: int) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._serve(phone, port, Channel(reader, writer))
            except asyncio.CancelledError:
                pass  # the curtain falls; asyncio's stream server would log a cancelled handler as an error
            finally:
                self._tasks.discard(task)

        server = await asyncio.start_server(accept, phone.address, port, backlog=128)
        self._doors.setdefault(phone.udid, []).append(server)

    async def _serve(self, phone: PhoneActor, port: int, channel: Channel) -> None:
        fault = phone.now().fault("connect", "Network")
        if fault is None or fault.kind == "slow":
            channel.pause = fault.pause if fault else 0.0
            await phone.serve(port, channel, "Network")
        elif fault.kind == "hang":
            await channel.hang()
        else:
            if fault.kind == "vanish":
                phone.vanish()
            channel.abort()

    async def _nobody(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.close()
