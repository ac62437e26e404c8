"""The memory is locked, full, damaged or deleted while the daemon runs: one clear line, no busy loop, no lost alert."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from virtual import DAY, HOUR, MINUTE, UDID, World, live

from backupwatch import log
from backupwatch.settings.values import Account, Alerts, Config

START = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    log.configure(level=os.environ.get("BW_LOG", "critical"))


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """Its phone turns stale six hours after the start."""

    def make(wall: Any) -> World:
        config = Config(account=Account(apple_id="anna@example.com"), alerts=Alerts(quiet_hours=None))
        made = World(tmp_path, wall, config=config)
        made.last_backup = lambda _now: START - 3 * DAY + 6 * HOUR
        return made

    return make


def titles(world: World) -> list[str]:
    return [message.title for _, message in world.messages]


def test_a_store_that_somebody_else_holds_is_said_once_and_no_alert_is_lost(world: Any) -> None:
    async def story(world: World) -> None:
        await world.until(5 * HOUR)
        other = sqlite3.connect(world.store.path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        before = sum(map(len, world.looks.values()))
        await world.until(3 * HOUR)
        assert titles(world) == ["backupwatch cannot watch"]
        assert "Another program holds it" in world.messages[0][1].body
        assert sum(map(len, world.looks.values())) - before <= 6  # no busy loop
        other.execute("ROLLBACK")
        other.close()
        await world.until(30 * MINUTE)
        assert len(titles(world)) == 2
        assert "Anna" in titles(world)[1]

    live(world, story, START)


def test_a_full_disk_is_said_once_and_no_alert_is_lost(world: Any) -> None:
    async def story(world: World) -> None:
        await world.until(5 * HOUR)
        ok, world.store._db = world.store._db, sqlite3.connect(world.store.path, isolation_level=None)
        world.store._db.execute("PRAGMA max_page_count = 1")  # SQLite lets a file never shrink below its size
        world.store._db.execute("PRAGMA cache_size = 1")
        world.grows = True  # each look has something new and large to remember
        await world.until(3 * HOUR)
        assert titles(world) == ["backupwatch cannot watch"]
        assert "Free some disk space" in world.messages[0][1].body
        world.store._db, world.grows = ok, False
        await world.until(HOUR)
        assert len(titles(world)) == 2
        assert "Anna" in titles(world)[1]

    live(world, story, START)


@pytest.mark.parametrize("how", ["garbage", "deleted"])
def test_a_store_that_is_damaged_while_it_is_in_use_is_replaced_and_the_watch_goes_on(
    world: Any, tmp_path: Path, how: str
) -> None:
    async def story(world: World) -> None:
        await world.until(7 * HOUR)
        assert len(titles(world)) == 1  # stale
        path = world.store.path
        if how == "garbage":
            world.store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            world.store._db.execute("PRAGMA shrink_memory")
            whole = path.read_bytes()
            path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
        else:
            for file in path.parent.glob("watch.sqlite3*"):
                file.unlink()
        await world.until(2 * HOUR)
        assert world.daemon.watch.store.snapshot(datetime.now(UTC)).phones[UDID]
        word = "damaged" if how == "garbage" else "deleted or replaced"
        said = [message.body for _, message in world.messages if word in message.body]
        assert len(said) == 1
        assert len(world.messages) <= 3  # stale, damaged, and stale again: rather repeated than lost
        await world.until(10 * HOUR)
        assert len(world.messages) <= 3

    live(world, story, START)
    assert bool(list(tmp_path.glob("watch.sqlite3.damaged-*"))) == (how == "garbage")


def test_a_store_that_is_damaged_again_and_again_is_not_mended_in_a_circle(world: Any) -> None:
    async def story(world: World) -> None:
        for _ in range(20):
            await world.until(2 * MINUTE)
            world.daemon.watch.store.path.unlink(missing_ok=True)
        assert len(world.messages) <= 4

    live(world, story, START)
