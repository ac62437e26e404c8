"""The stage: starts every actor of a story on loopback sockets and moves their common clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backupwatch.clock import utc_now
from backupwatch.simulator.apple import Apple
from backupwatch.simulator.icloud import ICloudActor
from backupwatch.simulator.mdns import Responder
from backupwatch.simulator.phone import PhoneActor
from backupwatch.simulator.phonelog import log_lines
from backupwatch.simulator.script import Scenario, UsbmuxdFault
from backupwatch.simulator.usbmuxd import Usbmuxd
from backupwatch.simulator.wifi import Wifi
from backupwatch.simulator.world import World


class Stage:
    """All actors of one story.

    Use ``async with Stage(scenario, folder, today=…) as stage`` in a running loop, or
    ``with Stage.in_thread(scenario, folder, today=…) as stage`` from anywhere else. The clock stands still where
    :meth:`move_to` put it (at first: the last look of the story), unless ``real_time`` lets it run.
    """

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        *,
        today: date | datetime | None = None,
        at: datetime | None = None,
        real_time: bool = False,
        bonjour: bool = False,
    ) -> None:
        """Set the scene; nothing listens yet.

        :param folder: a private folder for the socket; created with mode 0700 if missing. Its path must be short
            enough for a Unix socket (about 90 bytes).
        :param today: the day on which the story ends, UTC; absent: today.
        :param at: the first moment; absent: the story's last look.
        :param real_time: let the clock run on from the moment it was set to.
        :param bonjour: announce the phones on the Wi-Fi by multicast on the loopback interface.
        """
        self.scenario = scenario
        self.folder = folder
        day = today if today is not None else utc_now()
        self.today = day.astimezone(UTC).date() if isinstance(day, datetime) else day
        moments = scenario.moments(self.today)
        start = at or (moments[-1] if moments else datetime.combine(self.today, datetime.min.time(), UTC))
        self._world = World(scenario, self.today, start)
        self._real_time = real_time
        self._set_at = utc_now()
        self._leaving: asyncio.Future[None] | None = None
        self.phones = {udid: self._actor(udid) for udid in self._world.udids}
        self.usbmuxd = Usbmuxd(self.phones, self._usbmuxd_fault, folder, network=scenario.usbmuxd.network)
        self.wifi = Wifi(self.phones)
        self.bonjour = Responder(self.wifi.on_air) if bonjour else None
        self.icloud = ICloudActor(lambda: self.world().account, now=lambda: self.now)
        self.apple = Apple(self.world)

    # -- time ----------------------------------------------------------------------------------------------------

    def world(self) -> World:
        """The world at the stage's present moment."""
        if not self._real_time:
            return self._world
        now = self._world.at + (utc_now() - self._set_at)
        return World(self.scenario, self.today, now)

    @property
    def now(self) -> datetime:
        """The stage's present moment, UTC."""
        return self.world().at

    def _actor(self, udid: str) -> PhoneActor:
        return PhoneActor(
            udid,
            now=lambda: self.world().phone(udid),
            log=lambda since: log_lines(self.world(), udid, since),
        )

    async def move_to(self, at: datetime) -> None:
        """Set the clock; phones that came or went are attached and detached before this returns."""
        self._world = World(self.scenario, self.today, at.astimezone(UTC))
        self._set_at = utc_now()
        for phone in self.phones.values():
            phone.moved()
        await self._refresh()

    async def _refresh(self) -> None:
        await self.wifi.refresh()
        self.usbmuxd.refresh()

    def _vanished(self) -> None:
        """A fault took a phone away in the middle of a conversation."""
        self.usbmuxd.refresh()
        self._leaving = asyncio.ensure_future(self.wifi.refresh())

    def _usbmuxd_fault(self, step: str) -> UsbmuxdFault | None:
        world = self.world()
        for fault in self.scenario.usbmuxd.fault:
            if fault.step in (step, "any") and fault.active(world.at, self.today):
                return fault
        return None

    # -- curtain -------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for phone in self.phones.values():
            phone.on_vanish = self._vanished
        await self.wifi.start()
        await self.wifi.refresh()
        await self.usbmuxd.start()
        await self.icloud.start()
        await self.apple.start()
        if self.bonjour is not None:
            await self.bonjour.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for phone in self.phones.values():
            phone.hang_up()
        if self.bonjour is not None:
            self.bonjour.stop()
        for actor in (self.usbmuxd, self.wifi, self.icloud, self.apple):
            await actor.stop()

    # -- addresses -----------------------------------------------------------------------------------------------

    @property
    def usbmuxd_address(self) -> str:
        """The path of usbmuxd's Unix socket, as pymobiledevice3 and ``advanced.usbmuxd`` want it."""
        return self.usbmuxd.path

    @property
    def usbmuxd_tcp(self) -> str:
        """usbmuxd as ``host:port``."""
        return self.usbmuxd.tcp

    @property
    def pair_records(self) -> dict[str, bytes]:
        """The pair records of this computer: UDID without dashes -> plist."""
        return self.usbmuxd.pair_records

    @property
    def advanced(self) -> dict[str, str]:
        """The ``[advanced]`` table of a configuration that lets the watcher see this stage and nothing else."""
        return {
            "usbmuxd": self.usbmuxd_address,
            "icloud": self.icloud.base_url,
            "system_status": self.apple.system_status,
            "ios_releases": self.apple.ios_releases,
        }

    @classmethod
    @contextmanager
    def in_thread(cls, scenario: Scenario, folder: Path, **options: Any) -> Iterator[StageInThread]:
        """The same stage in a thread of its own, for callers without an event loop.

        :param options: as for :class:`Stage`.
        """
        stage = cls(scenario, folder, **options)
        play = StageInThread(stage)
        play.start()
        try:
            yield play
        finally:
            play.stop()


class StageInThread:
    """A handle on a stage that lives in another thread; attributes of the stage can be read through it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stage", daemon=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stage, name)

    def move_to(self, at: datetime) -> None:
        """Set the clock, and wait until every actor shows the world of that moment."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self.stage.move_to(at), self._loop).result()

    def start(self) -> None:
        """Open the stage; returns when every actor can be reached.

        :raises OSError: an actor could not open its door.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Close the stage."""
        if self._loop is not None and self._done is not None:
            self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._play())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in start()
            self._failure = error
        finally:
            self._ready.set()

    async def _play(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        async with self.stage:
            self._ready.set()
            await self._done.wait()
