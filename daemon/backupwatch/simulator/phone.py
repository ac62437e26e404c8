"""One simulated phone: whom it trusts, which services wait on which port, and which connections are open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any

from backupwatch.simulator import pairing
from backupwatch.simulator.channel import Channel
from backupwatch.simulator.faults import Vanished, spoil
from backupwatch.simulator.pairing import Pairing
from backupwatch.simulator.phonelog import LogLine
from backupwatch.simulator.values import lockdown_values
from backupwatch.simulator.world import PhoneWorld, merged

LOCKDOWN_PORT = 62_078
"""TCP port of lockdownd on every iPhone (pymobiledevice3, ``lockdown.SERVICE_PORT``)."""

_FIRST_PORT, _LAST_PORT = 49_152, 61_000


class PhoneActor:
    """Keeps what outlasts a connection. What the phone *is* comes from the world, asked anew each time."""

    def __init__(self, udid: str, now: Callable[[], PhoneWorld], log: Callable[[datetime], list[LogLine]]) -> None:
        """:param now: answers this phone at the stage's present moment.
        :param log: answers what the phone wrote into its log after a moment and up to now.
        """
        self.udid = udid
        self.now = now
        self.log = log
        self.address = "127.0.0.1"
        """What plays the phone's address on the Wi-Fi: an address of the loopback network."""
        self.overrides: dict[str, dict[str, Any]] = {}
        """Values that a client has set; they hold until the curtain falls."""
        self.dialog_seen = 0
        """Pair requests since the Trust dialog came up."""
        self.vanished = False
        """Gone because of a fault, until the stage's clock moves."""
        self.on_vanish: Callable[[], None] = lambda: None
        self.on_new_port: Callable[[int], Coroutine[Any, Any, None]] | None = None
        """Opens a port for direct Wi-Fi too; usbmuxd needs none."""
        self._paired_here: dict[str, Pairing] = {}
        self._ports: dict[int, tuple[str, Pairing]] = {}
        self._next_port = _FIRST_PORT
        self._open: set[Channel] = set()
        self._moved = asyncio.Event()

    # -- trust -------------------------------------------------------------------------------------------------

    def initial_record(self) -> dict[str, Any] | None:
        """The pair record with which this computer enters the story; none for a phone it was never paired with."""
        phone = self.now()
        if phone.state.trust == "unpaired":
            return None
        return pairing.pair_record(self.udid, phone.wifi_address)

    def trusts(self, host_id: str) -> Pairing | None:
        """What the phone keeps about this computer, if it trusts it."""
        if host_id in self._paired_here:
            return self._paired_here[host_id]
        if host_id == pairing.HOST_ID and self.now().state.trust == "paired":
            return Pairing.from_record(pairing.pair_record(self.udid, ""))
        return None

    def trusted_hosts(self) -> list[str]:
        """The HostID of every computer that the phone trusts now."""
        first = [pairing.HOST_ID] if self.trusts(pairing.HOST_ID) else []
        return [*first, *(host for host in self._paired_here if host != pairing.HOST_ID)]

    def trust(self, new: Pairing) -> None:
        """The owner tapped Trust."""
        self._paired_here[new.host_id] = new
        self.dialog_seen = 0

    def forget(self, host_id: str) -> None:
        """The computer said Unpair."""
        self._paired_here.pop(host_id, None)

    # -- values ------------------------------------------------------------------------------------------------

    def values(self) -> dict[str, dict[str, Any]]:
        """All lockdown values now."""
        return merged(lockdown_values(self.now()), self.overrides)

    # -- ports -------------------------------------------------------------------------------------------------

    async def open_service(self, service: str, trusted: Pairing, link: str) -> int:
        """A port on which ``service`` waits for this computer, reachable over the link on which it was asked for."""
        port = self._next_port
        self._next_port = port + 1 if port < _LAST_PORT else _FIRST_PORT
        self._ports[port] = (service, trusted)
        if link == "Network" and self.on_new_port is not None:
            await self.on_new_port(port)
        return port

    def listens_on(self, port: int) -> bool:
        """Whether a connection to this port would be accepted."""
        return port == LOCKDOWN_PORT or port in self._ports

    async def serve(self, port: int, channel: Channel, link: str) -> None:
        """Hold one conversation on a port until either side ends it.

        :param link: ``USB`` or ``Network``.
        """
        self._open.add(channel)
        try:
            await self._talk(port, channel, link)
        except Vanished:
            self.vanish()
        except (ConnectionError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._open.discard(channel)
            await channel.close()

    def _talk(self, port: int, channel: Channel, link: str) -> Coroutine[Any, Any, None]:
        from backupwatch.simulator.lockdown import Lockdown
        from backupwatch.simulator.services.registry import serve_service

        if port == LOCKDOWN_PORT:
            return Lockdown(self, channel, link).run()
        service, trusted = self._ports[port]
        return serve_service(service, self, channel, link, trusted)

    async def answer(self, channel: Channel, step: str, link: str, framed: bytes) -> None:
        """Send an answer, or break in the way that the story wants at this step."""
        fault = self.now().fault(step, link)
        if fault is None:
            await channel.send(framed)
        else:
            await spoil(channel, framed, fault)

    # -- time --------------------------------------------------------------------------------------------------

    def moved(self) -> None:
        """The stage's clock was set: wake whoever waits for news, and come back if a fault made the phone vanish."""
        self.vanished = False
        self._moved.set()
        self._moved = asyncio.Event()

    async def next_moment(self) -> None:
        """Wait until the clock moves; at least every second, for stages whose clock runs by itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._moved.wait()

    # -- leaving -----------------------------------------------------------------------------------------------

    def vanish(self) -> None:
        """Leave the stage at once, in the middle of everything."""
        self.vanished = True
        self.hang_up()
        self.on_vanish()

    def hang_up(self) -> None:
        """Cut every open connection."""
        for channel in list(self._open):
            channel.abort()
