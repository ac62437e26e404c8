"""Every fault of a story happens on the wire as it says, and to nobody else."""

from __future__ import annotations

import asyncio

import pytest
from pymobiledevice3 import exceptions as pmd
from pymobiledevice3 import usbmux
from pymobiledevice3.lockdown import create_using_usbmux
from simulator_kit import live_stage

from backupwatch.simulator.scenario import shipped

BACKUP = "com.apple.mobile.backup"
ILL, WELL = "00008140-00000000000000F1", "00008140-00000000000000F0"


def story(step: str, kind: str, more: str = "") -> str:
    return f"""
title = "t"
[[phone]]
udid = "{WELL}"
[[phone]]
udid = "{ILL}"
fault = [{{ step = "{step}", kind = "{kind}"{more} }}]
"""


async def read(udid: str) -> object:
    async with await create_using_usbmux(serial=udid, autopair=False) as phone:
        return (await phone.get_value(BACKUP))["Version"]


async def outcome(udid: str) -> str:
    """What a client that waits a second gets: the value, or the name of what went wrong."""
    task = asyncio.create_task(read(udid))
    done, _ = await asyncio.wait({task}, timeout=1)
    if not done:
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        return "silence"
    error = task.exception()
    return type(error).__name__ if error else str(task.result())


@pytest.mark.parametrize(
    ("step", "kind", "expected"),
    [
        ("connect", "hang", {"silence"}),
        ("connect", "reset", {"MuxException"}),
        ("connect", "refuse", {"ConnectionFailedError"}),
        ("query", "hang", {"silence"}),
        ("query", "reset", {"ConnectionTerminatedError"}),
        ("query", "garbage", {"ExpatError", "ProtocolError"}),
        ("startsession", "hang", {"silence"}),
        ("startsession", "reset", {"ConnectionTerminatedError"}),
        ("tls", "hang", {"silence"}),
        ("tls", "reset", {"GetProhibitedError"}),
        ("tls", "garbage", {"GetProhibitedError"}),
        (f"getvalue:{BACKUP}", "hang", {"silence"}),
        (f"getvalue:{BACKUP}", "reset", {"ConnectionTerminatedError"}),
        (f"getvalue:{BACKUP}", "garbage", {"ExpatError", "ProtocolError"}),
        (f"getvalue:{BACKUP}", "nonsense", {"AttributeError"}),
        (f"getvalue:{BACKUP}", "huge-length", {"ProtocolError"}),
        (f"getvalue:{BACKUP}", "endless", {"silence"}),
        (f"getvalue:{BACKUP}", "vanish", {"DeviceNotFoundError"}),
    ],
)
async def test_a_fault_strikes_where_it_says(
    step: str, kind: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ill phone fails as the story says; the healthy one beside it answers."""
    async with live_stage(story(step, kind), monkeypatch):
        ill, well = await asyncio.gather(outcome(ILL), outcome(WELL))
        assert well == "2.0"
        assert ill in expected


async def test_a_slow_link_arrives_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow link delivers everything, in small pieces."""
    async with live_stage(story(f"getvalue:{BACKUP}", "slow", ", pause = 0.001"), monkeypatch):
        assert await read(ILL) == "2.0"


async def test_a_phone_that_vanished_is_gone_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone that vanishes in mid-sentence is no longer listed, until the clock moves."""
    async with live_stage(story(f"getvalue:{BACKUP}", "vanish"), monkeypatch) as stage:
        with pytest.raises(pmd.PyMobileDevice3Exception):
            await read(ILL)
        assert [device.serial for device in await usbmux.list_devices()] == [WELL]
        await stage.move_to(stage.now)
        assert {device.serial for device in await usbmux.list_devices()} == {WELL, ILL}


async def test_a_fault_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault may begin and end on days of the story."""
    more = ", from = { day = -2 }, until = { day = -1 }"
    async with live_stage(story("query", "reset", more), monkeypatch) as stage:
        for day, expected in ((3, "2.0"), (2, "ConnectionTerminatedError"), (1, "2.0")):
            await stage.move_to(stage.now.replace(day=22 - day))
            assert await outcome(ILL) == expected


async def test_the_shipped_faults_leave_the_healthy_phone_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the shipped story of faults the healthy phone is read while all others fail around it."""
    async with live_stage(shipped()["faults"].read_text(), monkeypatch) as stage:
        results = dict(zip(stage.phones, await asyncio.gather(*map(outcome, stage.phones)), strict=True))
        assert results[WELL] == "2.0"
        failed = [udid for udid, result in results.items() if result != "2.0"]
        assert len(failed) >= 12
