"""What the adapter relies on in pymobiledevice3, and what it spares phones and usbmuxd: a contract for upgrades."""

from __future__ import annotations

import asyncio
import stat
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from iphone_kit import ANNA, environment, look, stage, udid
from pymobiledevice3 import service_connection

from backupwatch.simulator.lockdown import Lockdown
from backupwatch.simulator.phone import PhoneActor
from backupwatch.simulator.usbmuxd import Usbmuxd
from backupwatch.sources import iphone_client

ASKED_FOR = {
    ("", "ActivationState"), ("", "BootSessionID"), ("", "BuildVersion"), ("", "DeviceClass"), ("", "DeviceName"),
    ("", "PasswordProtected"), ("", "ProductType"), ("", "ProductVersion"), ("", "TimeIntervalSince1970"),
    ("com.apple.disk_usage", "TotalDataAvailable"), ("com.apple.disk_usage", "TotalDataCapacity"),
    ("com.apple.fmip", "IsAssociated"), ("com.apple.mobile.backup", None), ("com.apple.mobile.battery", None),
    ("com.apple.mobile.wireless_lockdown", "EnableWifiConnections"),
    ("com.apple.purplebuddy", "RestoreState"), ("com.apple.purplebuddy", "SetupState"),
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Every value that a client asks the simulated phones for."""
    seen: list[tuple[str, str | None]] = []
    original = Lockdown._on_getvalue

    async def on_getvalue(self: Lockdown, request: dict[str, Any]) -> None:
        seen.append((request.get("Domain") or "", request.get("Key")))
        await original(self, request)

    monkeypatch.setattr(Lockdown, "_on_getvalue", on_getvalue)
    return seen


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often usbmuxd is asked for what."""
    seen: Counter[str] = Counter()
    original = Usbmuxd._broken

    async def broken(self: Usbmuxd, name: str, *rest: Any) -> bool:
        seen[name] += 1
        return await original(self, name, *rest)

    monkeypatch.setattr(Usbmuxd, "_broken", broken)
    return seen


async def test_only_what_is_needed_is_asked_for(tmp_path: Path, asked: list[tuple[str, str | None]]) -> None:
    """Never the whole default domain, which holds activation keys and Find My secrets; never the disk calculation."""
    with stage(f'[[phone]]\nudid = "{ANNA}"') as play:
        await look(play, tmp_path, listen_log_s={ANNA: 0.3})
    assert set(asked) == ASKED_FOR
    assert max(Counter(asked).values()) <= 2  # the log has a connection of its own, which asks for the version


async def test_usbmuxd_lists_the_phones_once(tmp_path: Path, messages: Counter[str]) -> None:
    """A hundred phones cost one list, one pair record each and a connection per conversation."""
    with stage('[[phone]]\nudid = "00008140-{n:016x}"\ncount = 12') as play:
        await look(play, tmp_path)
    assert messages == {"ListDevices": 1, "ReadPairRecord": 12, "Connect": 12 * 3}


async def test_trust_taken_back_in_the_middle_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library reconnects silently and unpaired; the look says that trust was lost."""
    original = Lockdown._on_getvalue

    async def on_getvalue(self: Lockdown, request: dict[str, Any]) -> None:
        if request.get("Domain") == "com.apple.mobile.battery" and self._session is not None:
            self._phone.trusts = lambda host_id: None  # type: ignore[method-assign]
            self._channel.abort()
        await original(self, request)

    monkeypatch.setattr(Lockdown, "_on_getvalue", on_getvalue)
    with stage(f'[[phone]]\nudid = "{ANNA}"\nbackups = [{{}}]') as play:
        seen = await look(play, tmp_path)
        assert seen.values[ANNA]["trust"] == "lost"
        assert seen.blinds[ANNA] == {"iphone": "untrusted"}
        assert seen.values[ANNA]["last_cloud_backup"]
        assert play.phones[ANNA].dialog_seen == 0


async def test_one_bad_connection_at_the_start_of_tls_is_not_lost_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cable that stutters once is tried again."""
    dropped: list[str] = []
    original = Lockdown._on_startsession

    async def on_startsession(self: Lockdown, request: dict[str, Any]) -> None:
        if not dropped:
            dropped.append("once")
            await self._reply("startsession", {"Request": "StartSession", "SessionID": "x", "EnableSessionSSL": True})
            self._channel.abort()
        await original(self, request)

    monkeypatch.setattr(Lockdown, "_on_startsession", on_startsession)
    with stage(f'[[phone]]\nudid = "{ANNA}"') as play:
        seen = await look(play, tmp_path)
        assert dropped
        assert seen.values[ANNA]["trust"] == "trusted"


async def test_the_library_keeps_nothing_that_was_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the library remembers of a phone is its version."""
    with stage(f'[[phone]]\nudid = "{ANNA}"') as play:
        for name, value in environment(play.usbmuxd_address, tmp_path).items():
            monkeypatch.setenv(name, value)
        (device,) = await iphone_client.list_devices()
        record = await iphone_client.pair_record(device.serial)
        async with iphone_client.phone_client(iphone_client.through_usbmuxd(device), record) as client:
            assert await client.open_session("26.1") is True
            assert await client.value("com.apple.mobile.backup", "Version") == "2.0"
            assert await client.value("com.apple.mobile.backup", "NoSuchKey") is None
            assert client.all_values == {"ProductVersion": "26.1"}
            assert client.paired


async def test_a_phone_silent_at_the_start_of_tls_is_slow_and_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's own time-out for TLS looks like a refusal; it is none."""
    monkeypatch.setattr(service_connection, "DEFAULT_SSL_HANDSHAKE_TIMEOUT", 0.2)
    with stage(f'[[phone]]\nudid = "{ANNA}"\nfault = [{{ step = "tls", kind = "hang" }}]') as play:
        for name, value in environment(play.usbmuxd_address, tmp_path).items():
            monkeypatch.setenv(name, value)
        (device,) = await iphone_client.list_devices()
        record = await iphone_client.pair_record(device.serial)
        async with iphone_client.phone_client(iphone_client.through_usbmuxd(device), record) as client:
            with pytest.raises(iphone_client.TlsTimeoutError):
                await client.open_session("26.1")


async def test_the_hosts_key_is_only_ever_in_a_private_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library writes it to a file for each session: in a folder of the worker's own, for nobody else to read."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    modes: set[tuple[int, int]] = set()
    with stage(f'[[phone]]\nudid = "{ANNA}"\nfault = [{{ step = "tls", kind = "hang" }}]') as play:
        looking = asyncio.ensure_future(look(play, tmp_path, phone_deadline_s=1.0))
        while not looking.done():
            with suppress(FileNotFoundError):
                modes |= {(_mode(file.parent), _mode(file)) for file in scratch.rglob("*") if file.is_file()}
            await asyncio.wait({looking}, timeout=0.01)
        assert (await looking).blinds[ANNA] == {"iphone": "timeout"}
    assert modes == {(0o700, 0o600)}
    assert not any(scratch.iterdir())


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_no_more_phones_than_allowed_are_read_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three at a time means three at a time."""
    talking: Counter[str] = Counter()
    most = 0
    original = PhoneActor.serve

    async def serve(self: PhoneActor, *rest: Any) -> None:
        nonlocal most
        talking[self.udid] += 1
        most = max(most, sum(1 for count in talking.values() if count))
        try:
            await original(self, *rest)
        finally:
            talking[self.udid] -= 1

    monkeypatch.setattr(PhoneActor, "serve", serve)
    # A phone that hangs keeps its place until its time is over, so the others must queue behind three of them.
    story = '[[phone]]\nudid = "00008140-{n:016x}"\ncount = 9\nfault = [{ step = "getvalue", kind = "hang" }]'
    with stage(story) as play:
        await look(play, tmp_path, concurrency=3, phone_deadline_s=0.4)
    # The stage may learn a moment late that a caller has hung up: one turn may overlap the next, never the third.
    assert 3 <= most <= 6


async def test_a_hundred_phones_are_read(tmp_path: Path) -> None:
    """Two school carts and a half, in one look."""
    with stage('[[phone]]\nudid = "00008140-{n:016x}"\ncount = 100') as play:
        seen = await asyncio.wait_for(look(play, tmp_path, concurrency=8), 120)
        assert len(seen.phones) == 100
        assert seen.blinds == {}
        assert seen.values[udid(100).lower()]["trust"] == "trusted"
