"""The daemon as people live with it: real processes, a real usbmuxd protocol, a real session bus, real signals."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemon_kit import LIMIT, Home, daemon
from harness import PrivateBus
from recorder import Recorder

from backupwatch.simulator import scenario
from backupwatch.simulator.stage import Stage

ANNA, BEN = "00008140-001C2D3E4F50001C", "00008110-000A1B2C3D4E5F60"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

STALE = f"""
title = "Anna's phone has not been backed up for nine days"
[[phone]]
udid = "{ANNA}"
name = "Anna's iPhone"
backups = [{{ last = -9 }}]
"""

CABLES = f"""
title = "Cables come and go"
[[phone]]
udid = "{ANNA}"
name = "Anna's iPhone"
connection = "away"
at = [
    {{ day = 0, time = "00:01", connection = "usb" }}, {{ day = 0, time = "00:02", connection = "away" }},
    {{ day = 0, time = "00:03", connection = "usb" }}, {{ day = 0, time = "00:04", connection = "away" }},
    {{ day = 0, time = "00:05", connection = "usb" }},
]
[[phone]]
udid = "{BEN}"
name = "Ben's iPhone"
connection = "away"
at = [{{ day = 0, time = "00:06", connection = "usb" }}]
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for the address of a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="bw", dir="/tmp") as name:
        yield Path(name)


@asynccontextmanager
async def on_stage(folder: Path, story: str, minute: int = 0) -> AsyncIterator[tuple[Stage, Home]]:
    """A story on stage and a home whose configuration leads to it."""
    script = scenario.parse(story, "test.toml")
    async with Stage(script, folder / "stage", today=TODAY, at=TODAY + timedelta(minutes=minute)) as stage:
        home = Home(folder, advanced={"usbmuxd": stage.usbmuxd_address})
        home.configure()
        yield stage, home


async def test_a_phone_that_is_plugged_in_is_looked_at_at_once_but_a_bad_cable_makes_no_storm(folder: Path) -> None:
    """Also after usbmuxd was restarted."""
    async with on_stage(folder, CABLES) as (stage, home), daemon(home) as running:
        await running.until("round", phones=0)
        await stage.move_to(TODAY + timedelta(minutes=1))
        await running.until("a phone came")
        await running.until("round", phones=1)
        for minute in range(2, 6):  # out, in, out, in
            await stage.move_to(TODAY + timedelta(minutes=minute))
        await stage.usbmuxd.stop()
        await stage.usbmuxd.start()
        await stage.move_to(TODAY + timedelta(minutes=6))  # another phone, after all that
        await running.until("a phone came", 2)
        await running.until("round", phones=2)
        assert len(running.told("a phone came")) == 2
        assert await running.stop() == 0


async def test_a_second_daemon_says_that_one_is_running_and_ends(folder: Path) -> None:
    home = Home(folder)
    home.configure()
    async with daemon(home) as running:
        code, said = await home.command("run")
        assert code == 1
        assert said.strip() == (
            f"backupwatch is already running here (process {running.process.pid}). See it with: backupwatch status."
        )
        assert await running.stop() == 0
        _, status = await home.command("status", "--json")
        assert json.loads(status)["watcher"]["daemon"] == "stopped"


async def test_told_to_end_in_the_middle_of_a_look_it_ends_cleanly_and_leaves_nothing_behind(folder: Path) -> None:
    """No zombie, no orphan, no temporary file with keys in it, and an intact memory."""
    async with on_stage(folder, STALE) as (_, home), daemon(home) as running:
        while not any(home.tmp.iterdir()):  # noqa: ASYNC110 - a folder tells nobody that a worker has begun
            await asyncio.sleep(0.01)
        assert len(home.processes()) > 1
        assert await running.stop() == 0
        assert running.told("stopped")
        assert list(home.tmp.iterdir()) == []
        assert home.processes() == []
        check = sqlite3.connect(folder / "state" / "watch.sqlite3")
        assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        check.close()


async def test_killed_and_restarted_it_says_nothing_again_and_sweeps_up(folder: Path) -> None:
    async with on_stage(folder, STALE) as (_, home):
        async with daemon(home) as first:
            alert = await first.until("alert")
            assert "Anna" in alert["title"]
            await first.until("round", spoken=1)
            (home.tmp / f"backupwatch-{first.process.pid}-left").mkdir()
            await first.stop(signal.SIGKILL)
        async with daemon(home) as second:
            await second.until("round", phones=1)
            assert not second.told("alert")
            assert not list(home.tmp.glob(f"backupwatch-{first.process.pid}-*"))
            assert await second.stop() == 0


async def test_snooze_and_unsnooze_reach_a_running_daemon_at_once(folder: Path) -> None:
    """Nobody is logged in, so the alert waits; snoozed it is taken back, unsnoozed it waits again."""
    async with on_stage(folder, STALE) as (_, home):
        home.configure(desktop=True)
        async with daemon(home) as running:
            await running.until("round", phones=1, decided=1)
            code, said = await home.command("snooze", "anna", "1d")
            assert (code, said.startswith("Quiet about")) == (0, True), said
            await running.until("round", withdrawn=1)
            _, status = await home.command("status", "--json")
            document = json.loads(status)
            assert document["devices"][0]["snoozed_until"] is not None
            assert document["watcher"]["outbox"]["waiting"] == 0
            rounds = len(running.told("round", decided=1))
            code, said = await home.command("unsnooze", "anna")
            assert code == 0, said
            await running.until("round", rounds + 1, decided=1)
            assert await running.stop() == 0


async def test_reload_by_signal(folder: Path) -> None:
    """SIGHUP alone is enough; the file is as it was, so that nothing else makes the daemon read it."""
    home = Home(folder)
    home.configure()
    async with daemon(home) as running:
        await running.until("round")
        assert running.told("configuration reloaded") == []
        running.process.send_signal(signal.SIGHUP)
        assert (await running.until("configuration reloaded"))["changed"] == "nothing"
        assert await running.stop() == 0


async def test_an_edited_configuration_reaches_a_running_daemon(folder: Path) -> None:
    """`config edit` says that the daemon takes it over, and it does."""
    home = Home(folder)
    home.configure()
    editor = folder / "editor"
    editor.write_text('#!/bin/sh\nprintf \'[freshness]\\nstale_after = "2d"\\n\' >> "$1"\n')
    editor.chmod(0o700)
    home.extra = {"EDITOR": str(editor), "VISUAL": ""}
    async with daemon(home) as running:
        await running.until("round")
        code, said = await home.command("config", "edit")
        assert code == 0, said
        assert "The running daemon takes it over." in said
        assert "stale_after" in (await running.until("configuration reloaded"))["changed"]
        assert await running.stop() == 0


@pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed")
async def test_a_session_bus_that_appears_later_gets_the_alert_and_its_button_snoozes(folder: Path) -> None:
    """Without a runtime directory, too."""
    bus = PrivateBus(folder)
    async with on_stage(folder, STALE) as (_, home):
        home.extra = {"DBUS_SESSION_BUS_ADDRESS": bus.address, "XDG_RUNTIME_DIR": str(folder / "not" / "there")}
        home.configure(desktop=True)
        async with daemon(home) as running:
            await running.until("spoke", outcome="later")
            bus.start()
            recorder = Recorder(bus.address)
            await recorder.start()
            try:
                running.process.send_signal(signal.SIGHUP)  # the daemon would try by itself, some minutes later
                await running.until("spoke", outcome="shown")
                (call,) = recorder.calls
                assert "Anna" in call.title
                await recorder.press(call.number, "snooze")
                await running.until("button pressed", action="snooze")
                await asyncio.wait_for(recorder.screen_is_empty(), LIMIT)
                _, status = await home.command("status", "--json")
                assert json.loads(status)["devices"][0]["snoozed_until"] is not None
                assert await running.stop() == 0
            finally:
                await recorder.stop()
                bus.stop()


async def test_a_disk_that_fills_up_is_one_clear_line_and_the_daemon_stays(folder: Path) -> None:
    async with on_stage(folder, STALE) as (_, home):
        limited = ("bash", "-c", 'ulimit -f 100; exec "$0" -m backupwatch run', sys.executable)
        async with daemon(home, *limited) as running:
            store = sqlite3.connect(folder / "state" / "watch.sqlite3")
            store.execute("CREATE TABLE IF NOT EXISTS filler (x)")
            store.execute("INSERT INTO filler VALUES (zeroblob(300000))")  # beyond what the daemon may write
            store.commit()
            broken = await running.until("round failed")
            assert "cannot be used" in broken["reason"]
            alert = await running.until("alert", title="backupwatch cannot watch")
            assert "Without it no alert can be remembered" in alert["body"]
            store.close()
            assert await running.stop() == 0
            assert len(running.told("round failed")) == 1
