"""The real daemon, scheduler and store in virtual time: nothing sleeps, a month passes in seconds.

The event loop's clock jumps to whatever is due next, and the wall clock moves with it; suspend and corrected clocks
move the wall clock alone. Only the looks themselves are played.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import selectors
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import time_machine

from backupwatch import asking
from backupwatch import round as rounds
from backupwatch.alerts.message import Message
from backupwatch.daemon import Daemon
from backupwatch.delivery.channel import Outcome, Receipt
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, HOST, RELEASES, STATUS, Blind, Fact, Observation, phone
from backupwatch.schedule import Schedule
from backupwatch.settings.values import Account, Config
from backupwatch.sources.looker import Looker
from backupwatch.store import Store, open_store

SUBJECTS = {"iphone": HOST, "icloud": ACCOUNT, "apple-status": STATUS, "ios-releases": RELEASES, "local-backups": HOST}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UDID = "00008140-001C2D3E4F50001C"


class _Selector(selectors.DefaultSelector):
    """Does not wait: the loop's clock moves on instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        if ready := super().select(0):
            return ready
        assert timeout is not None, "nothing will ever happen again"
        self.loop.pass_by(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time is how long everybody has waited."""

    def __init__(self, wall: time_machine.Coordinates) -> None:
        self._seconds, self._wall = 1000.0, wall
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self._seconds

    def pass_by(self, seconds: float) -> None:
        self._seconds += seconds
        self._wall.shift(seconds)


@dataclass
class World(Looker):
    """What there is to see, how long a look takes, and a record of everything.

    :ivar last_backup: what the phone answers at a moment.
    :ivar failing: source to the Blind that its look ends in.
    """

    folder: Path
    wall: time_machine.Coordinates
    config: Config = field(default_factory=lambda: Config(account=Account(apple_id="anna@example.com")))
    zone: tzinfo = UTC
    takes: float = 20.0
    last_backup: Callable[[datetime], datetime] = lambda now: now - 10 * HOUR
    failing: dict[str, Callable[[datetime], Blind]] = field(default_factory=dict)
    looks: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    messages: list[tuple[datetime, Message]] = field(default_factory=list)
    at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    grows: bool = False
    name: str = "eyes"
    receipt: Outcome = Outcome.SHOWN

    def __post_init__(self) -> None:
        super().__init__()
        self.reports: list[str] = []
        self.store = self.open()
        watch = rounds.Watch(self.config, self.store, self, self.folder, lambda: self.zone)
        self.daemon = Daemon(
            watch,
            self._same,
            lambda _config: [self],
            now=lambda: datetime.now(UTC),
            monotonic=lambda: asyncio.get_running_loop().time(),
            reopen=self.open,
            schedule=Schedule(random.Random(1).random, "test"),
        )

    def open(self) -> Store:
        """The store; power does not fail here, and waiting for disk and locks would be most of a virtual month."""
        store = open_store(self.folder / "watch.sqlite3", datetime.now(UTC), self.reports.append)
        store._db.execute("PRAGMA synchronous = OFF")
        store._db.execute("PRAGMA busy_timeout = 0")
        return store

    async def _same(self) -> Config:
        return self.config

    async def look(self, name: str, request: Any, deadline: float, **_: Any) -> list[Fact]:
        if not request.args.get("only"):  # a phone that has just turned stale is asked once more, for its log
            self.looks[name].append(datetime.now(UTC))
        self.at_once[name] += 1
        self.most_at_once = max(self.most_at_once, self.at_once[name])
        await asyncio.sleep(self.takes)
        self.at_once[name] -= 1
        now: datetime = request.now
        if name in self.failing:
            return [self.failing[name](now)]
        facts: list[Fact] = [Observation(SUBJECTS[name], kinds.USBMUXD, "ok", now, name)]
        if self.grows:
            facts.append(Observation(HOST, "places", f"{now} {'x' * 50_000}", now, name))
        if name == "iphone":
            values = {
                kinds.NAME: "Anna",
                kinds.MODEL: "iPhone17,1",
                kinds.OS_VERSION: "26.1",
                kinds.TRUST: "trusted",
                kinds.CONNECTION: "usb",
                kinds.CLOUD_BACKUP_ENABLED: True,
                kinds.LAST_CLOUD_BACKUP: self.last_backup(now).isoformat(),
                kinds.ON_POWER: True,
            }
            facts += [Observation(phone(UDID), kind, value, now, name) for kind, value in values.items()]
        return facts

    async def deliver(self, message: Message) -> Receipt:
        if self.receipt is Outcome.SHOWN:
            self.messages.append((datetime.now(UTC), message))
        return Receipt(self.receipt, self.name, evidence="seen", detail="nobody is there")

    async def withdraw(self, thread: str) -> None:
        pass

    async def close(self) -> None:
        pass

    def suspend(self, length: timedelta) -> None:
        """The machine sleeps, or its clock is set by ``length``: the monotonic clock does not notice."""
        self.wall.shift(length)

    async def until(self, length: timedelta) -> None:
        """Let time pass."""
        await asyncio.sleep(length.total_seconds())

    def looked_within(self, source: str, begin: datetime, end: datetime) -> list[datetime]:
        return [at for at in self.looks[source] if begin <= at < end]


def live(world: Callable[[time_machine.Coordinates], World], story: Callable[[World], Coroutine[Any, Any, None]],
         start: datetime) -> World:  # fmt: skip
    """Run the daemon and tell the story beside it; ends the daemon, and with it the loop, when the story ends."""
    with time_machine.travel(start, tick=False) as wall:
        loop = VirtualLoop(wall)

        async def both() -> World:
            made = world(wall)
            running = asyncio.create_task(made.daemon.run())
            await story(made)
            made.daemon.stop()
            await running
            return made

        try:
            return loop.run_until_complete(both())
        finally:
            loop.close()


def gaps(moments: Iterable[datetime]) -> list[timedelta]:
    """The distances between neighbours."""
    return [after - before for before, after in itertools.pairwise(moments)]


ALL = asking.ALL_SOURCES
