"""Reading one phone, in the order of what matters: who it is, whether it trusts us, its backups, then the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from backupwatch.facts import kinds
from backupwatch.facts.observation import Blind, BlindReason, Fact, Observation, Subject
from backupwatch.sources import iphone_client, iphone_log, iphone_services, iphone_values
from backupwatch.sources.iphone_client import SERVICE_PORT, Dial, PhoneClient
from backupwatch.sources.iphone_trouble import PASSING, Trouble, trouble
from backupwatch.sources.iphone_values import Values

SOURCE: Final = "iphone"

PARTS: Final = ("battery", "clock", "state", "disk", "wifi", "management")
"""The parts on which nothing else depends, in the order in which they are read."""

SERVICES: Final = frozenset({"wifi", "management"})
"""Those that come from services of the phone; asked for by cable only."""

NEVER: Final[Trouble] = (BlindReason.UNTRUSTED, "The phone was never paired with this computer")
LOST: Final[Trouble] = (BlindReason.UNTRUSTED, "The phone no longer trusts this computer")


@dataclass(frozen=True, slots=True)
class Route:
    """One way to one phone.

    :ivar serial: the UDID in the spelling under which its pair record is kept.
    :ivar connection: ``usb`` or ``wifi``.
    :ivar port: of lockdownd.
    """

    serial: str
    dial: Dial
    connection: str
    port: int = SERVICE_PORT


class UntrustedError(Exception):
    """The phone was reached and there is no session; the argument is the :data:`Trouble` to tell."""

    def __init__(self, told: Trouble) -> None:
        super().__init__()
        self.told = told


class Reading:
    """The reading of one phone, of which as much is kept as was read.

    :ivar pending: the parts that were not read yet; before the backup domain is read there are none, and
        whatever goes wrong is the whole phone's trouble.
    :ivar connection: over what the phone was reached in the end: ``usb``, ``wifi`` or nothing.
    """

    def __init__(self, subject: Subject, now: datetime, emit: Callable[[Fact], None]) -> None:
        self.pending: list[str] = []
        self.connection = ""
        self._subject = subject
        self._now = now
        self._started = time.monotonic()
        self._emit = emit
        self._unlocked: bool | None = None
        self._over = False  # a task that was told to end may still have something to say, too late

    # -- telling ------------------------------------------------------------------------------------------------

    def observe(self, values: Values, look: str = SOURCE) -> None:
        """Tell what was read."""
        if self._over:
            return
        for kind, value in values:
            self._emit(Observation(self._subject, kind, value, self._now, look))

    def blind(self, told: Trouble, look: str = SOURCE) -> None:
        """Tell what could not be read."""
        if told[0] is BlindReason.LOCKED:
            self._unlocked = False
        self._emit(Blind(self._subject, look, *told, self._now))

    def finish(self, error: BaseException | None) -> None:
        """Tell how it ended; ``error`` is what the reading ended with, if it did not end well."""
        if isinstance(error, UntrustedError):
            self.blind(error.told)
        elif error is not None and self.pending:
            for part in self.pending:
                self.blind(trouble(error), f"{SOURCE}:{part}")
        elif error is not None:
            self.blind(trouble(error))
        if self._unlocked is not None:
            self.observe([(kinds.UNLOCKED_SINCE_BOOT, self._unlocked)])
        self._over = True

    # -- listening ----------------------------------------------------------------------------------------------

    async def listen(self, route: Route, seconds: float) -> None:
        """Listen to the phone's log for that long, on a connection of its own."""
        self._over = False
        look, heard = f"{SOURCE}:log", False
        record = await iphone_client.pair_record(route.serial)
        async with iphone_client.phone_client(route.dial, record, route.port) as client:
            if not await client.open_session(str(await client.value(None, "ProductVersion"))):
                raise UntrustedError(LOST)
            async for event in iphone_log.events(client, seconds):
                if not heard:
                    heard = True
                    self.observe([(kinds.LOG_HEARD, True)], look)
                if event is not None:
                    self.observe([(kinds.LOG, event)], look)
        if not heard:
            self.blind((BlindReason.TIMEOUT, "The phone's log stayed silent"), look)

    def finish_listening(self, error: BaseException | None) -> None:
        """Tell how it ended."""
        if isinstance(error, UntrustedError):
            self.blind(error.told, f"{SOURCE}:log")
        elif error is not None:
            self.blind(trouble(error), f"{SOURCE}:log")
        self._over = True

    # -- reading ------------------------------------------------------------------------------------------------

    async def by_any(self, routes: list[Route]) -> None:
        """Try the ways in order; the next one only where a way broke, not where the phone itself said no."""
        for route in routes:
            try:
                await self._read(route)
                return
            except PASSING:
                task = asyncio.current_task()
                if route is routes[-1] or (task is not None and task.cancelling()):
                    raise

    async def _read(self, route: Route) -> None:
        record = await iphone_client.pair_record(route.serial)
        async with iphone_client.phone_client(route.dial, record, route.port) as client:
            identity = await iphone_values.read_identity(client)
            self.connection = route.connection
            self.observe([(kinds.CONNECTION, route.connection), *identity])
            await self._open_session(client, record, dict(identity))
            try:
                self.observe(await iphone_values.read_backup(client, self._now))
                await self._read_parts(client, route)
            except Exception as error:
                self._look_for_lost_trust(client, error)
                raise

    async def _open_session(
        self, client: PhoneClient, record: Mapping[str, Any] | None, identity: Mapping[str, Any]
    ) -> None:
        if record is None:
            self.observe([(kinds.TRUST, "never")])
            raise UntrustedError(NEVER)
        if not await client.open_session(identity.get(kinds.OS_VERSION)):
            self.observe([(kinds.TRUST, "lost")])
            raise UntrustedError(LOST)
        self._unlocked = True  # before the first unlock a phone cannot read whom it trusts
        self.observe([(kinds.TRUST, "trusted")])

    def _look_for_lost_trust(self, client: PhoneClient, error: Exception) -> None:
        """The library reconnects silently; trust that was taken back meanwhile shows in ``paired`` alone."""
        if not client.paired and not isinstance(error, PASSING):
            self.observe([(kinds.TRUST, "lost")])
            self.pending = []
            raise UntrustedError(LOST) from None

    async def _read_parts(self, client: PhoneClient, route: Route) -> None:
        readers: dict[str, Callable[[], Awaitable[Values]]] = {
            "battery": lambda: iphone_values.read_battery(client),
            "clock": lambda: iphone_values.read_clock(client, self._clock),
            "state": lambda: iphone_values.read_state(client),
            "disk": lambda: iphone_values.read_disk(client),
            "wifi": lambda: iphone_services.read_wifi(client),
            "management": lambda: iphone_services.read_management(client),
        }
        self.pending = list(PARTS)
        if route.connection == "wifi":
            self.observe([(kinds.WIFI_JOINED, True)], f"{SOURCE}:wifi")
            self.pending = [part for part in PARTS if part not in SERVICES]
        for name in list(self.pending):
            await self._part(client, name, readers[name])

    async def _part(self, client: PhoneClient, name: str, read: Callable[[], Awaitable[Values]]) -> None:
        """Read a part on which nothing else depends.

        A service has a connection of its own: when that breaks, the phone may still be there.
        """
        look = f"{SOURCE}:{name}"
        try:
            values = await read()
        except Exception as error:
            if not client.paired or (isinstance(error, PASSING) and name not in SERVICES):
                raise
            self.blind(trouble(error), look)
        else:
            self.observe(values, look)
            if not values:
                self.blind((BlindReason.UNSUPPORTED, "The phone does not tell this"), look)
        self.pending.remove(name)

    def _clock(self) -> datetime:
        """This computer's clock, now: the look's moment and the time since it began."""
        return self._now + timedelta(seconds=time.monotonic() - self._started)
