"""What stands on the screen after a round: what is still true, once."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path

import pytest
from verdicts import START, cause, device, verdict

from backupwatch import round as rounds
from backupwatch.alerts.message import Message
from backupwatch.daemon import Daemon
from backupwatch.delivery.channel import Outcome, Receipt
from backupwatch.errors import BackupwatchError
from backupwatch.judge.finding import State
from backupwatch.judge.verdict import DeviceVerdict
from backupwatch.settings.values import Config
from backupwatch.sources.looker import Looker
from backupwatch.store import DamagedError, Store, open_store

HOUR = timedelta(hours=1)
OFF = (cause("icloud-backup-off"),)


class Screen:
    """A desktop: the newest message of each thread."""

    name = "screen"

    def __init__(self) -> None:
        self.shows: dict[str, str] = {}
        self.heard: list[Message] = []
        self.is_there = True

    async def deliver(self, message: Message) -> Receipt:
        if not self.is_there:
            return Receipt(Outcome.LATER, self.name, detail="no desktop")
        self.heard.append(message)
        self.shows[message.thread] = message.title
        return Receipt(Outcome.SHOWN, self.name, evidence="seen")

    async def withdraw(self, thread: str) -> None:
        self.shows.pop(thread, None)

    async def close(self) -> None:
        pass


class Home:
    """A watcher whose verdicts are given."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.screen, self.now, self.hours = Screen(), START, 0
        self.folder = folder
        self.watch = rounds.Watch(Config(), self.open(), Looker(), folder, lambda: UTC, [self.screen])
        self.truth: tuple[DeviceVerdict, ...] = ()
        monkeypatch.setattr(
            rounds, "judged", lambda watch, now: (watch.store.snapshot(now), verdict(*self.truth, now=now))
        )
        monkeypatch.setattr(rounds, "problems", lambda *_: ())

    def open(self) -> Store:
        return open_store(self.folder / "watch.sqlite3", self.now)

    async def see(self, *devices: DeviceVerdict) -> list[str]:
        """An hour later this is true; answers what then stands on the screen."""
        self.now += HOUR
        self.truth = devices
        await rounds.conclude(self.watch, self.now)
        return sorted(self.screen.shows.values())

    def seconds(self) -> float:
        return (self.now - START).total_seconds()

    def daemon(self, **more: object) -> Daemon:
        async def same() -> Config:
            return Config()

        return Daemon(
            self.watch,
            same,
            lambda _: [self.screen],
            now=lambda: self.now,
            monotonic=self.seconds,
            **more,  # type: ignore[arg-type]
        )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, monkeypatch)


def bad(udid: str, home: Home) -> DeviceVerdict:
    return device(State.OVERDUE, udid=udid, causes=OFF, now=home.now + HOUR)


def good(udid: str, home: Home) -> DeviceVerdict:
    return device(State.FRESH, udid=udid, last=home.now, now=home.now + HOUR)


async def test_phones_told_together_that_recover_leave_nothing_behind(home: Home) -> None:
    """The message about both goes when both are backed up again, and not before."""
    assert await home.see(bad("A", home), bad("B", home)) == ["2 devices: no backup for 3 days or more"]
    assert await home.see(bad("A", home), good("B", home)) == [
        "2 devices: no backup for 3 days or more",
        "Phone B is backed up again",
    ]
    assert await home.see(good("A", home), good("B", home)) == [
        "Phone A is backed up again",
        "Phone B is backed up again",
    ]


async def test_phones_told_apart_that_recover_together_leave_nothing_behind(home: Home) -> None:
    await home.see(bad("A", home))
    assert len(await home.see(bad("A", home), bad("B", home))) == 2
    assert await home.see(good("A", home), good("B", home)) == ["2 devices are backed up again"]


async def test_a_phone_that_was_ignored_for_some_days_is_told_again(home: Home) -> None:
    """What was told before says nothing of the days after."""
    await home.see(bad("A", home))
    for _ in range(30):
        ignored = device(State.IGNORED, now=home.now + HOUR)
        assert await home.see(ignored) == [] or home.now - START < 27 * HOUR
    await home.see(bad("A", home))
    assert [message.title for message in home.screen.heard] == ["Phone A: no backup for 3 days"] * 1 + [
        "Phone A: no backup for 4 days"
    ]


async def test_a_button_is_meant_for_every_phone_of_the_message(home: Home) -> None:
    await home.see(bad("A", home), bad("B", home))
    await home.daemon().act(home.screen.heard[0].id, "snooze")
    assert set(home.watch.store.snoozes(home.now)) == {"A", "B"}
    await home.daemon().act("no such message", "snooze")


async def test_a_memory_that_could_not_be_opened_anew_is_tried_again(home: Home) -> None:
    """A full disk is emptied some minutes later, and the watch goes on without a restart."""
    tries: list[bool] = []

    def reopen() -> Store:
        tries.append(True)
        if len(tries) == 1:
            raise BackupwatchError("The disk is full", retry=True)
        return home.open()

    daemon = home.daemon(reopen=reopen)
    await daemon._say_broken(DamagedError("malformed"))
    await daemon.conclude()
    assert len(tries) == 2
    home.truth = (bad("A", home),)
    await daemon.conclude()
    assert "Phone A: no backup for 3 days" in home.screen.shows.values()


async def test_a_broken_memory_of_which_nobody_could_be_told_is_forgotten_when_it_is_mended(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or everything that waits would be tried at each beat for ever."""
    home.screen.is_there = False
    daemon = home.daemon()
    await daemon._say_broken(BackupwatchError("full"))
    home.now += HOUR
    await daemon.conclude()
    tried: list[bool] = []
    monkeypatch.setattr(home.watch.store, "retry_at_once", lambda _: tried.append(True))
    monkeypatch.setattr(daemon, "once", lambda *_: None)
    monkeypatch.setattr(daemon, "spawn", lambda work: work.close())
    await daemon.beat()
    assert tried == []
