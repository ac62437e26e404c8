"""The simulated usbmuxd, as pymobiledevice3's own client meets it."""

from __future__ import annotations

import asyncio
import plistlib
import socket

import pytest
from pymobiledevice3 import usbmux
from pymobiledevice3.exceptions import BadCommandError, BadDevError, ConnectionFailedError, NotPairedError
from simulator_kit import ANNA, ONE_PHONE, at, live_stage

COMES_AND_GOES = f"""
title = "Comes and goes"
[[phone]]
udid = "{ANNA}"
connection = "away"
[[phone.at]]
day = -2
connection = "usb"
[[phone.at]]
day = -1
connection = "both"
[[phone.at]]
day = 0
connection = "network"
"""


async def listen() -> usbmux.PlistMuxConnection:
    mux = await usbmux.create_mux()
    assert isinstance(mux, usbmux.PlistMuxConnection)
    await mux.listen()
    return mux


async def seen(mux: usbmux.PlistMuxConnection, updates: int) -> list[str]:
    """What the listener knows after so many messages."""
    for _ in range(updates):
        async with asyncio.timeout(10):
            await mux.receive_device_state_update()
    return sorted(device.connection_type for device in mux.devices)


async def test_a_listener_hears_phones_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens hears at once when a phone is plugged in, joins the Wi-Fi, or is unplugged."""
    async with live_stage(COMES_AND_GOES, monkeypatch, at=at(-3, "12:00")) as stage:
        mux = await listen()
        await stage.move_to(at(-2, "12:00"))
        assert await seen(mux, 1) == ["USB"]
        await stage.move_to(at(-1, "12:00"))
        assert await seen(mux, 1) == ["Network", "USB"]
        await stage.move_to(at(0, "12:00"))
        assert await seen(mux, 1) == ["Network"]
        await mux.close()


async def test_a_late_listener_is_told_who_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who begins to listen later is told first which phones are attached already."""
    async with live_stage(ONE_PHONE, monkeypatch):
        mux = await listen()
        assert await seen(mux, 2) == ["Network", "USB"]
        await mux.close()


async def test_a_device_number_is_never_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone that comes back has a new device number, and its old one leads nowhere."""
    async with live_stage(COMES_AND_GOES, monkeypatch, at=at(-2, "12:00")) as stage:
        (before,) = await usbmux.list_devices()
        await stage.move_to(at(-3, "12:00"))
        await stage.move_to(at(-2, "12:00"))
        (after,) = await usbmux.list_devices()
        assert after.devid != before.devid
        with pytest.raises(BadDevError):
            await before.connect(62_078)


async def test_a_port_without_a_service_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port on which nothing listens refuses the connection, as on a phone."""
    async with live_stage(ONE_PHONE, monkeypatch):
        device = (await usbmux.list_devices())[0]
        with pytest.raises(ConnectionFailedError):
            await device.connect(4_711)


async def test_pair_records_are_kept_and_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved pair record can be read back, listeners hear of it, and a deleted one is gone."""
    async with live_stage(ONE_PHONE, monkeypatch) as stage:
        listener = await listen()
        await seen(listener, 2)
        mux = await usbmux.create_mux()
        assert isinstance(mux, usbmux.PlistMuxConnection)
        device = (await usbmux.list_devices())[0]
        await mux.save_pair_record(ANNA, device.devid, plistlib.dumps({"HostID": "new"}))
        assert await mux.get_pair_record(ANNA) == {"HostID": "new"}
        assert await seen(listener, 1) == ["Network", "USB"]  # the message Paired, which changes no list
        await mux._send_receive({"MessageType": "DeletePairRecord", "PairRecordID": ANNA})
        with pytest.raises(NotPairedError):
            await mux.get_pair_record(ANNA)
        with pytest.raises(BadCommandError):
            await mux._send_receive({"MessageType": "MakeCoffee"})
        assert stage.pair_records == {}
        await mux.close()
        await listener.close()


async def test_the_stock_usbmuxd_of_linux_finds_nothing_on_wifi(monkeypatch: pytest.MonkeyPatch) -> None:
    """A story may have a usbmuxd that lists the cable only, as Linux's own does."""
    async with live_stage(f"{ONE_PHONE}\n[usbmuxd]\nnetwork = false\n", monkeypatch):
        assert [device.connection_type for device in await usbmux.list_devices()] == ["USB"]


@pytest.mark.parametrize("kind", ["hang", "reset", "garbage"])
async def test_usbmuxd_itself_can_break(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A usbmuxd that hangs, drops or talks nonsense never looks like an empty list."""
    story = f'{ONE_PHONE}\n[usbmuxd]\nfault = [{{ step = "list", kind = "{kind}" }}]\n'
    async with live_stage(story, monkeypatch):
        with pytest.raises(Exception):  # noqa: B017, PT011 - each kind has an exception of its own
            async with asyncio.timeout(0.5):
                await usbmux.list_devices()


async def test_nonsense_on_the_socket_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a client that talks nonsense the next one is served as ever."""
    async with live_stage(ONE_PHONE, monkeypatch) as stage:
        for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\0\0\0\x01\0\0\0\x08\0\0\0\0\0\0\0", b"\xff" * 64):
            reader, writer = await asyncio.open_unix_connection(stage.usbmuxd_address)
            writer.write(junk)
            writer.write_eof()
            async with asyncio.timeout(10):
                await reader.read()
            writer.close()
        assert len(await usbmux.list_devices()) == 2


async def test_the_socket_is_private_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage leaves no socket behind."""
    async with live_stage(ONE_PHONE, monkeypatch) as stage:
        path = stage.usbmuxd_address
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(FileNotFoundError):
        probe.connect(path)
