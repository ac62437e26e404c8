"""A phone that is plugged in is noticed at once, whatever usbmuxd does, and a flapping cable is not a storm."""

from __future__ import annotations

import asyncio
import itertools
import plistlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iphone_kit import ANNA, BEN

from backupwatch.simulator import scenario
from backupwatch.simulator.stage import Stage
from backupwatch.sources.arrivals import FIRST_PAUSE, HEADER, LONGEST_PAUSE, Arrival, Debounce, arrivals

TODAY = datetime(2026, 11, 22, tzinfo=UTC)
PLUGGED_IN_AT_NOON = f"""
title = "Plugged in"
[[phone]]
udid = "{ANNA}"
[[phone]]
udid = "{BEN.replace("-", "")}"
connection = "away"
at = [{{ day = 0, time = "12:00", connection = "usb" }}, {{ day = 0, time = "13:00", connection = "away" }}]
"""


@asynccontextmanager
async def on_stage(folder: Path) -> AsyncIterator[Stage]:
    script = scenario.parse(PLUGGED_IN_AT_NOON, "test.toml")
    async with Stage(script, folder, today=TODAY, at=TODAY + timedelta(hours=11)) as play:
        yield play


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="bw", dir="/tmp") as name:
        yield Path(name)


class Pauses:
    """Waits as long as a test lets it, and tells for how long it was asked to."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self._go: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        self.asked.put_nowait(seconds)
        await self._go.get()

    def over(self) -> None:
        self._go.put_nowait(None)


@pytest.mark.parametrize("how", ["path", "tcp", "libimobiledevice"])
async def test_phones_that_are_there_come_first_and_those_that_come_follow(folder: Path, how: str) -> None:
    """By a path, by host and port, or as libimobiledevice spells a path."""
    async with on_stage(folder) as play:
        address = {
            "path": play.usbmuxd_address,
            "tcp": play.usbmuxd_tcp,
            "libimobiledevice": f"UNIX:{play.usbmuxd_address}",
        }
        events = arrivals(address[how])
        assert await anext(events) == Arrival(ANNA, "usb", attached=True)
        await play.move_to(TODAY + timedelta(hours=12))
        assert await anext(events) == Arrival(BEN, "usb", attached=True)
        await play.move_to(TODAY + timedelta(hours=13))
        assert await anext(events) == Arrival(BEN, "usb", attached=False)
        await events.aclose()


async def test_a_usbmuxd_that_restarts_is_listened_to_again(folder: Path) -> None:
    """Its phones are gone with it and come back with it; attempts get rarer while it stays away."""
    pauses = Pauses()
    async with on_stage(folder) as play:
        events = arrivals(str(folder / "usbmuxd"), pause=pauses)
        assert (await anext(events)).attached
        await play.usbmuxd.stop()
    assert await anext(events) == Arrival(ANNA, "usb", attached=False)
    waiting = asyncio.ensure_future(anext(events))
    asked = [await pauses.asked.get()]
    while asked[-1] < LONGEST_PAUSE:
        pauses.over()
        asked.append(await pauses.asked.get())
    assert asked == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4, LONGEST_PAUSE]
    assert asked[-1] <= 5, "a phone that is plugged in starts usbmuxd, and is noticed within seconds"
    async with on_stage(folder):
        pauses.over()
        assert await waiting == Arrival(ANNA, "usb", attached=True)
        await events.aclose()


HOSTILE = [
    HEADER.pack(0xFFFFFFFF, 1, 8, 1),
    HEADER.pack(3, 1, 8, 1),
    HEADER.pack(HEADER.size + 5, 1, 8, 1) + b"<oh n",
    HEADER.pack(HEADER.size + 4, 0, 1, 1) + b"\x06\0\0\0",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"",
]


def packet(message: object) -> bytes:
    body = plistlib.dumps(message)
    return HEADER.pack(HEADER.size + len(body), 1, 8, 0) + body


HOSTILE += [
    packet({"MessageType": "Result", "Number": 1}),
    packet(["no", "dictionary"]),
]
ODD = b"".join(
    packet(message)
    for message in (
        {"MessageType": "Attached"},
        {"MessageType": "Attached", "DeviceID": 1, "Properties": "none"},
        {"MessageType": "Attached", "DeviceID": 2, "Properties": {"SerialNumber": "; rm -rf /"}},
        {"MessageType": "Detached", "DeviceID": 99},
        {"MessageType": "Paired", "DeviceID": 2},
        {"MessageType": 7, "DeviceID": [1]},
    )
)


@pytest.mark.parametrize("answer", HOSTILE)
async def test_nonsense_at_the_address_is_left_and_tried_again_later(folder: Path, answer: bytes) -> None:
    """Absurd lengths, garbage, another program: no crash and no endless reading."""
    pauses, told = Pauses(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(16)
        writer.write(answer)
        if len(answer) < 8:
            writer.close()
        told.set()

    server = await asyncio.start_unix_server(serve, folder / "mux")
    events = arrivals(str(folder / "mux"), pause=pauses)
    waiting = asyncio.ensure_future(anext(events))
    await pauses.asked.get()
    assert told.is_set()
    assert not waiting.done()
    waiting.cancel()
    server.close()


async def test_odd_messages_are_passed_over(folder: Path) -> None:
    """What is no phone is no arrival, and the next phone is still heard."""
    good = packet(
        {"MessageType": "Attached", "DeviceID": 5, "Properties": {"SerialNumber": ANNA, "ConnectionType": "Network"}}
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(16)
        writer.write(ODD + good)

    server = await asyncio.start_unix_server(serve, folder / "mux")
    events = arrivals(str(folder / "mux"))
    assert await anext(events) == Arrival(ANNA, "wifi", attached=True)
    await events.aclose()
    server.close()


def test_listening_for_years_imports_no_library() -> None:
    """The resident listener costs the standard library and no more."""
    program = "import sys, backupwatch.sources.arrivals; print([m for m in sys.modules if m.startswith('pymobile')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- debouncing -------------------------------------------------------------------------------------------------

COME, GO = Arrival(ANNA, "usb", attached=True), Arrival(ANNA, "usb", attached=False)


def test_a_phone_that_comes_is_looked_at_at_once() -> None:
    """The first plug-in is no flapping, nor is one after a long absence."""
    calm = Debounce(quiet=30)
    assert calm.arrival(COME, 0.0)
    assert not calm.arrival(GO, 1_000.0)
    assert calm.arrival(COME, 1_030.0)
    assert calm.due(2_000.0) == set()


def test_a_flapping_cable_is_looked_at_once_it_holds() -> None:
    """Ten contacts in ten seconds make one look, thirty seconds after the last."""
    calm = Debounce(quiet=30)
    looks = [calm.arrival(COME, 0.0)]
    for second in range(1, 11):
        calm.arrival(GO, second - 0.5)
        looks.append(calm.arrival(COME, float(second)))
        assert calm.due(float(second)) == set()
    assert looks == [True] + [False] * 10
    assert calm.due(39.9) == set()
    assert calm.due(40.0) == {ANNA}
    assert calm.due(41.0) == set()


def test_a_phone_that_flapped_and_left_is_not_looked_at() -> None:
    """Nobody is there to be looked at."""
    calm = Debounce(quiet=30)
    calm.arrival(COME, 0.0)
    calm.arrival(GO, 1.0)
    calm.arrival(COME, 2.0)
    calm.arrival(GO, 3.0)
    assert calm.due(100.0) == set()


@given(st.lists(st.floats(0.01, 100), max_size=60))
def test_looks_are_never_closer_than_the_quiet_time(gaps: list[float]) -> None:
    """Whatever a cable does, it cannot make a storm of looks; and a phone that holds is looked at in the end."""
    calm, at, looks, attached = Debounce(quiet=30), 0.0, [], False
    for gap in gaps:
        at += gap
        looks += [at] * len(calm.due(at))
        attached = not attached
        if calm.arrival(Arrival(ANNA, "usb", attached=attached), at):
            looks.append(at)
    looks += [at + 30] * len(calm.due(at + 30))
    if attached:
        assert looks
        assert looks[-1] >= at
    assert all(second - first >= 30 - 1e-6 for first, second in itertools.pairwise(looks))
