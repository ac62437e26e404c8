"""What the daemon costs at rest: memory after a simulated week, beside the same with the heavy libraries, and CPU.

Two processes live the same week at the default intervals with the real scheduler, store, policy and four phones;
virtual time passes as fast as the computer can. One is the daemon as it ships; the other has imported, as a watcher
without worker processes would, pymobiledevice3.lockdown, pyicloud and requests. Only the looks are played: in life
they are worker processes that end. Growth is what the resident set gains from the end of the first day on.

    python tools/bench_daemon.py [--days 7]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HEAVY = ("pymobiledevice3.lockdown", "pyicloud", "requests")
BARE = "import asyncio; print(next(line.split()[1] for line in open('/proc/self/status') if 'VmRSS' in line))"
START = datetime(2026, 10, 1, tzinfo=UTC)
MOST_MB, MOST_RATIO, MOST_CPU_S = 48.0, 0.5, 10.0


def resident_mb() -> float:
    """The resident set of this process in MB (10**6 would flatter; this is 2**20)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no /proc: this bench needs Linux")


class Selector(selectors.DefaultSelector):
    """Never waits: the loop's clock moves on instead."""

    seconds = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.seconds += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop in virtual time."""

    def __init__(self) -> None:
        self._own = Selector()
        super().__init__(self._own)

    def time(self) -> float:
        return self._own.seconds


class Clock:
    """Wall time that moves with the loop."""

    loop: Loop

    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.time())


def virtual_datetime(clock: Clock) -> type[datetime]:
    """What the scheduler shall ask for the time."""

    class Virtual(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock.now().astimezone(tz)

    return Virtual


def live(days: int, kind: str) -> dict[str, float]:
    """Live the week in this process; answers what it cost.

    :param kind: ``ours``, or ``heavy`` with the libraries that ours leaves to its workers.
    """
    import backupwatch.resident  # what the daemon imports, in its order

    if kind == "heavy":
        for name in HEAVY:
            __import__(name)
    import apscheduler.executors.base
    import apscheduler.schedulers.base

    from backupwatch import log
    from backupwatch import round as rounds
    from backupwatch.daemon import Daemon
    from backupwatch.delivery.journal import JournalChannel
    from backupwatch.facts import kinds
    from backupwatch.facts.observation import HOST, STATUS, Fact, Observation, phone
    from backupwatch.schedule import Schedule
    from backupwatch.settings.values import Config
    from backupwatch.sources.look import Request
    from backupwatch.sources.looker import Looker
    from backupwatch.store import open_store

    class Played(Looker):
        """Four phones, two of which stop being backed up on the second day."""

        async def look(self, name: str, request: Any, _deadline: float, **_: Any) -> list[Fact]:  # type: ignore[override]
            await asyncio.sleep(5)
            now: datetime = request.now
            if name == "apple-status":
                return [Observation(STATUS, kinds.SERVICE_EVENTS, [], now, name)]
            facts: list[Fact] = [Observation(HOST, kinds.USBMUXD, "ok", now, name)]
            for number in range(4) if name == "iphone" else ():
                last = min(now - timedelta(hours=10), START + timedelta(days=2 if number < 2 else 99))
                values: Mapping[str, Any] = {
                    kinds.NAME: f"Phone {number}",
                    kinds.MODEL: "iPhone17,1",
                    kinds.OS_VERSION: "26.1",
                    kinds.TRUST: "trusted",
                    kinds.CONNECTION: "wifi",
                    kinds.CLOUD_BACKUP_ENABLED: True,
                    kinds.LAST_CLOUD_BACKUP: last.replace(minute=0, second=0, microsecond=0).isoformat(),
                    kinds.ON_POWER: now.hour < 7,
                    kinds.LOCKED: now.hour < 7,
                    kinds.BATTERY_PERCENT: 100 - now.hour * 3,
                    kinds.DISK_AVAILABLE: 41_000_000_000 - now.day * 100_000_000,
                    kinds.WIFI_JOINED: True,
                }
                facts += [Observation(phone(f"00008140-001C2D3E4F5000{number:02}"), k, v, now, name)
                          for k, v in values.items()]  # fmt: skip
            return facts

    async def week(clock: Clock, folder: Path) -> dict[str, float]:
        store = open_store(folder / "watch.sqlite3", START)
        watch = rounds.Watch(Config(), store, Played(), folder, lambda: UTC)

        async def reload() -> Config:
            return watch.config

        daemon = Daemon(
            watch,
            reload,
            lambda _: [JournalChannel()],
            now=clock.now,
            monotonic=clock.loop.time,
            schedule=Schedule(random.Random(1).random),
        )
        running = asyncio.create_task(daemon.run())
        await asyncio.sleep(86_400)
        first, cpu = resident_mb(), time.process_time()
        await asyncio.sleep(86_400 * (days - 1))
        cost = {"first_day_mb": first, "rss_mb": resident_mb(), "cpu_s": (time.process_time() - cpu) / (days - 1)}
        daemon.stop()
        await running
        return cost

    with tempfile.TemporaryDirectory() as name, Path(name, "log").open("w", encoding="utf-8") as sink:
        log.configure(level="info", json=True, stream=sink)
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        # One real look, so that what it takes to start and hear a worker is in the figures.
        real = Request(datetime.now(UTC), Path(name), {"folders": []})
        asyncio.run(Looker().look("local-backups", real, 60.0))
        clock = Clock()
        clock.loop = Loop()
        virtual = virtual_datetime(clock)
        apscheduler.schedulers.base.datetime = apscheduler.executors.base.datetime = virtual  # type: ignore[misc]
        cost = clock.loop.run_until_complete(week(clock, Path(name)))
        clock.loop.close()
    import backupwatch.delivery.library
    import backupwatch.delivery.session_bus  # noqa: F401 - for its weight

    return cost | {"spoken_mb": resident_mb()}


def measured(kind: str, days: int) -> dict[str, float]:
    """Live the week in a process of its own."""
    command = [sys.executable, __file__, "--days", str(days), "--child", kind]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    answer: dict[str, float] = json.loads(out)
    return answer


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--days", type=int, default=7, help="simulated days, at least 2")
    parser.add_argument("--child", choices=["ours", "heavy"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(live(options.days, options.child)))
        return 0
    ours, heavy = measured("ours", options.days), measured("heavy", options.days)
    bare = float(subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=True).stdout) / 1024
    ratio, growth = ours["rss_mb"] / heavy["rss_mb"], ours["rss_mb"] - ours["first_day_mb"]
    rows = [
        ("bare asyncio Python", f"{bare:.1f} MB", ""),
        (f"ours, after {options.days} simulated days", f"{ours['rss_mb']:.1f} MB", f"at most {MOST_MB:.0f}"),
        ("ours, with the notifier that the first message loads", f"{ours['spoken_mb']:.1f} MB", "at most 48"),
        ("the same with pymobiledevice3.lockdown, pyicloud, requests", f"{heavy['rss_mb']:.1f} MB", ""),
        ("ratio", f"{ratio:.2f}", f"at most {MOST_RATIO}"),
        ("growth since the end of the first day", f"{growth:+.1f} MB", "none"),
        ("CPU for a day at the default intervals, workers apart", f"{ours['cpu_s']:.1f} s", f"under {MOST_CPU_S:.0f}"),
    ]  # fmt: skip
    for what, value, target in rows:
        print(f"{what:60} {value:>10}   {target}")
    kept = ours["spoken_mb"] <= MOST_MB and ratio <= MOST_RATIO and growth < 1.0 and ours["cpu_s"] < MOST_CPU_S
    print("all targets are met" if kept else "a target is missed")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
