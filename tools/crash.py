"""Kill the daemon's rounds again and again through a simulated month: no alert may be lost, none doubled unexplained.

A child process lives the month, look by look, with the real store, policy and outbox; what the person sees is
appended to a file and flushed to disk, as a notification server would keep it. The driver kills the child with
SIGKILL at a random line of the round's own code, or has the kernel end it at a random instant, restarts it at the
look in which it died, and compares at the end with a month that nobody disturbed:

- every message of the quiet month was shown at least once, and no other;
- no message was shown more often than the kills in its own look explain;
- the store passes SQLite's integrity check after every kill.

    python tools/crash.py --kills 1000 --seed 1
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from backupwatch import log
from backupwatch import round as rounds
from backupwatch.alerts.message import Message
from backupwatch.delivery.channel import Outcome, Receipt
from backupwatch.facts import kinds
from backupwatch.facts.observation import HOST, STATUS, Fact, Observation, phone
from backupwatch.settings.values import Config
from backupwatch.sources.looker import Looker
from backupwatch.store import open_store

START = datetime(2026, 10, 1, tzinfo=UTC)
STEP = timedelta(hours=2)
STEPS = 30 * 12
SPEAKING = frozenset({"_show", "deliver", "shown", "mark_shown"})
"""Functions between deciding to speak and having noted the proof: the few lines in which an alert can get lost."""
SPEAKING_LINES, LINES = 24, 1_200
"""The lines of each kind in one look, at most; a strike that finds fewer falls at the end of the look."""
CRITICAL = ("round.py", "policy.py", "memory.py", "outbox.py", "store/__init__.py", "observations.py")


def backup_before(udid: str, now: datetime) -> datetime | None:
    """The story: when each phone was last backed up, as the phone would say at ``now``."""
    day = (now - START).days
    nightly = START + timedelta(days=day, hours=2) - timedelta(days=1 if now.hour < 3 else 0)
    silent = {"A": ((5, 12), (18, 30)), "B": ((5, 16),), "C": (), "D": ((0, 30),)}[udid]
    for first, last in silent:
        if first <= day < last:
            return START + timedelta(days=first - 1, hours=2)
    return nightly


class Scripted(Looker):
    """Sees what the story says at the moment of the look."""

    async def look(self, name: str, request: Any, _deadline: float, **_: Any) -> list[Fact]:
        now = request.now
        if name == "apple-status":
            return [Observation(STATUS, kinds.SERVICE_EVENTS, [], now, "apple-status")]
        if name != "iphone":
            return []
        facts: list[Fact] = [Observation(HOST, kinds.USBMUXD, "ok", now, "iphone")]
        for udid in "ABCD":
            if udid == "C" and 8 <= (now - START).days < 20:
                continue  # away: an unseen phone
            last = backup_before(udid, now)
            values = {
                kinds.NAME: f"Phone {udid}",
                kinds.MODEL: "iPhone17,1",
                kinds.OS_VERSION: "26.1",
                kinds.TRUST: "trusted",
                kinds.CONNECTION: "usb",
                kinds.CLOUD_BACKUP_ENABLED: not (udid == "B" and 5 <= (now - START).days < 16),
                kinds.LAST_CLOUD_BACKUP: last.isoformat() if last else None,
                kinds.ON_POWER: True,
            }
            facts += [Observation(phone(udid), kind, value, now, "iphone") for kind, value in values.items()]
        return facts


class Eyes:
    """The person: what was shown is on disk before the channel answers, like on a screen."""

    name = "eyes"

    def __init__(self, path: Path, step: int) -> None:
        self._path, self._step = path, step

    async def deliver(self, message: Message) -> Receipt:
        if self._step % 40 in range(30, 36):
            return Receipt(Outcome.LATER, self.name, detail="nobody is logged in")
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{self._step}\t{message.id}\t{message.title}\n")
            file.flush()
            os.fsync(file.fileno())
        return Receipt(Outcome.SHOWN, self.name, evidence="seen")

    async def withdraw(self, thread: str) -> None:
        pass

    async def close(self) -> None:
        pass


@dataclass
class Outcomes:
    """What came of a month: (step, id, title) in the order in which it was seen, and the step of every kill."""

    seen: list[tuple[int, str, str]]
    kills: list[int]
    broken: list[str]

    @property
    def talking(self) -> list[int]:
        """The steps in which something was shown."""
        return sorted({step for step, _, _ in self.seen})


@dataclass(frozen=True)
class Strike:
    """One planned kill: the look in which it falls, and at its end at the latest, so that every plan is carried out.

    :param line: the line of the round's own code that is not run any more; None to be killed from outside.
    :param speaking: count only the lines of :data:`SPEAKING`.
    :param after: for a kill from outside, seconds from the beginning of the look.
    """

    step: int
    line: int | None
    speaking: bool = False
    after: float = 0.0

    def arm(self) -> None:
        """Have this process killed when its moment has come."""
        if self.line is None:
            # Nobody handles the alarm, so the kernel ends the process, wherever that is then.
            signal.setitimer(signal.ITIMER_REAL, self.after)
            return
        left = [self.line]

        def trace(frame: FrameType, event: str, _arg: object) -> Any:
            code = frame.f_code
            if code.co_name not in SPEAKING if self.speaking else not code.co_filename.endswith(CRITICAL):
                return None
            if event == "line":
                left[0] -= 1
                if left[0] <= 0:
                    self.end()
            return trace

        sys.settrace(trace)

    def end(self) -> None:
        """Kill this process, which does nothing more; or let it wait for the kill from outside."""
        if self.line is None:
            signal.pause()
        os.kill(os.getpid(), signal.SIGKILL)


def live(folder: Path, first: int, strike: Strike | None = None, end: int = STEPS) -> None:
    """Live from step ``first`` to before step ``end``, or to the strike."""
    store = open_store(folder / "watch.sqlite3", START + first * STEP)
    for step in range(first, end):
        hit = strike if strike is not None and step == strike.step else None
        if hit is not None:
            hit.arm()
        now = START + step * STEP
        if step == 150:
            store.snooze("B", now + timedelta(days=2), now)
        watch = rounds.Watch(Config(), store, Scripted(), folder, lambda: UTC, [Eyes(folder / "seen", step)])
        asyncio.run(rounds.run_round(watch, ["iphone", "apple-status"], now))
        if hit is not None:
            hit.end()
    store.close()


def plan(kills: int, chance: random.Random, talking: list[int]) -> list[Strike]:
    """``kills`` strikes in the order of time, most of them where an alert is spoken.

    :param talking: the steps of the undisturbed month in which something was shown.
    """
    strikes = []
    for _ in range(kills):
        kind = chance.random()
        if kind < 0.15:
            strikes.append(Strike(chance.randrange(STEPS), None, after=chance.uniform(0.001, 0.05)))
        elif kind < 0.6:
            strikes.append(Strike(chance.choice(talking), chance.randint(1, SPEAKING_LINES), speaking=True))
        else:
            strikes.append(Strike(chance.randrange(STEPS), chance.randint(1, LINES)))
    return sorted(strikes, key=lambda strike: strike.step)


def disturbed(folder: Path, kills: int, seed: int, talking: list[int]) -> Outcomes:
    """A month with exactly ``kills`` kills; ``talking`` as for :func:`plan`."""
    chance = random.Random(seed)
    outcome = Outcomes([], [], [])
    step = 0
    for strike in plan(kills, chance, talking):
        child = os.fork()
        if child == 0:
            try:
                live(folder, step, strike)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            raise RuntimeError(f"the month broke off by itself before step {strike.step}")
        step = strike.step
        outcome.kills.append(step)
        if (verdict := integrity(folder / "watch.sqlite3")) != "ok":
            outcome.broken.append(f"step {step}: {verdict}")
    live(folder, step)
    outcome.seen += read_seen(folder)
    return outcome


def undisturbed(folder: Path) -> Outcomes:
    """The same month without a kill."""
    live(folder, 0)
    return Outcomes(read_seen(folder), [], [])


def read_seen(folder: Path) -> list[tuple[int, str, str]]:
    path = folder / "seen"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(int(step), ident, title) for step, ident, title in (line.split("\t") for line in lines)]


def integrity(path: Path) -> str:
    if not path.exists():
        return "ok"
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        connection.close()


def compare(quiet: Outcomes, loud: Outcomes) -> list[str]:
    """Every broken promise in a sentence; empty when all are kept."""
    wanted, got = {ident for _, ident, _ in quiet.seen}, Counter(ident for _, ident, _ in loud.seen)
    titles = {ident: title for _, ident, title in quiet.seen + loud.seen}
    complaints = [f"lost: {titles[ident]}" for ident in wanted - got.keys()]
    complaints += [f"never called for: {titles[ident]}" for ident in got.keys() - wanted]
    kills_at = Counter(loud.kills)
    for ident, count in got.items():
        steps = {step for step, seen, _ in loud.seen if seen == ident}
        explained = sum(kills_at[step] for step in steps)
        if count > 1 + explained:
            complaints.append(f"shown {count} times with {explained} kills: {titles[ident]}")
    return complaints + loud.broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    log.configure(level="error")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        quiet = undisturbed(Path(one))
        loud = disturbed(Path(two), options.kills, options.seed, quiet.talking)
    doubled = len(loud.seen) - len({ident for _, ident, _ in loud.seen})
    complaints = compare(quiet, loud)
    print(
        f"{len(loud.kills)} kills in {STEPS} rounds: {len(quiet.seen)} alerts called for, "
        f"{len({i for _, i, _ in loud.seen})} shown, {doubled} shown again after a kill, {len(complaints)} complaints"
    )
    for complaint in complaints:
        print(f"  {complaint}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
