"""The services of the simulated phones, as pymobiledevice3's own clients meet them."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from itertools import pairwise

import pytest
from pymobiledevice3.lockdown import LockdownClient, create_using_usbmux
from pymobiledevice3.services.diagnostics import DiagnosticsService
from pymobiledevice3.services.heartbeat import HeartbeatService
from pymobiledevice3.services.mobile_config import MobileConfigService
from pymobiledevice3.services.notification_proxy import NotificationProxyService
from pymobiledevice3.services.os_trace import OsTraceService, SyslogEntry
from simulator_kit import ANNA, ONE_PHONE, at, live_stage


async def client() -> LockdownClient:
    return await create_using_usbmux(autopair=False)


async def log(phone: LockdownClient) -> list[SyslogEntry]:
    """What the stream holds already."""
    entries: list[SyslogEntry] = []
    async with OsTraceService(phone) as service:
        stream = service.syslog(stream_flags=0xC)
        while True:
            try:
                async with asyncio.timeout(0.3):
                    entries.append(await anext(stream))
            except TimeoutError:
                return entries


async def test_the_log_tells_what_backupd_did_last_night(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream begins with the last night, and the lines of backupd carry Apple's subsystem and wording."""
    text = ONE_PHONE.replace("last = -9 }", 'last = -9 }, { first = -8, kind = "failed:303" }')
    async with live_stage(text, monkeypatch), await client() as phone:
        entries = await log(phone)
        backupd = [entry for entry in entries if entry.label and entry.label.subsystem == "com.apple.mobilebackup"]
        assert {entry.label.category for entry in backupd if entry.label} == {"Default"}
        messages = [entry.message for entry in backupd]
        assert any(message.startswith("=scheduler= [On condition] state changed, enabled:1") for message in messages)
        failures = [entry for entry in backupd if "MBErrorDomain/303" in entry.message]
        assert [entry.timestamp.astimezone(UTC) for entry in failures] == [at(0, "02:11")]
        assert failures[0].level.name == "ERROR"
        assert failures[0].filename == "/usr/libexec/backupd"
        assert any(entry.message == "Found account <private> (1,1,0)" for entry in backupd)
        assert len(entries) > len(backupd), "other programs write too"
        assert all(before.timestamp <= after.timestamp for before, after in pairwise(entries))


async def test_the_log_without_history_is_silent_until_something_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the flag for history only what is new arrives, when the clock moves on."""
    text = f'{ONE_PHONE}\n[[phone.at]]\nday = 0\ntime = "13:30"\nlog = "=scheduler= Starting automatic backup for me"\n'
    async with live_stage(text, monkeypatch) as stage, await client() as phone, OsTraceService(phone) as service:
        stream = service.syslog(stream_flags=0x4)
        first = asyncio.ensure_future(anext(stream))
        done, _ = await asyncio.wait({first}, timeout=0.3)
        assert not done
        await stage.move_to(at(0, "13:45"))
        async with asyncio.timeout(10):
            entry = await first
            while entry.filename != "/usr/libexec/backupd":
                entry = await anext(stream)
        assert entry.message == "=scheduler= Starting automatic backup for me"


async def test_a_log_in_the_phones_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone whose clock is ahead writes its log with that clock."""
    text = ONE_PHONE.replace("connection =", "clock_ahead = 432000.0\nconnection =")
    async with live_stage(text, monkeypatch) as stage, await client() as phone:
        newest = (await log(phone))[-1].timestamp.astimezone(UTC)
        assert newest > stage.now + timedelta(days=4)


async def test_the_process_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of processes names backupd."""
    async with live_stage(ONE_PHONE, monkeypatch), await client() as phone, OsTraceService(phone) as service:
        processes = await service.get_pid_list()
        assert "backupd" in {one["ProcessName"] for one in processes["Payload"].values()}


async def test_battery_and_wifi_from_the_diagnostics(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry tells power and Wi-Fi; an old iOS names the network, a new one does not."""
    text = ONE_PHONE.replace("connection =", "battery = 55\nconnection =")
    async with live_stage(text, monkeypatch), await client() as phone, DiagnosticsService(phone) as service:
        battery = await service.get_battery()
        wifi = await service.get_wifi()
        assert battery is not None
        assert (battery["CurrentCapacity"], battery["ExternalConnected"], battery["IsCharging"]) == (55, True, True)
        assert wifi is not None
        assert "IO80211SSID" not in wifi
        assert wifi["IO80211Channel"]
    old = ONE_PHONE.replace("connection =", 'os = "15.8.3"\nwifi = false\nconnection =')
    async with live_stage(old, monkeypatch), await client() as phone, DiagnosticsService(phone) as service:
        wifi = await service.get_wifi()
        assert wifi is not None
        assert not wifi["IO80211Channel"]


async def test_profiles_and_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    """A managed phone names its profiles and its organisation; a private one has neither."""
    managed = ONE_PHONE + (
        'supervised = true\norganization = "Example Works"\n'
        'profiles = [{ name = "MDM", identifier = "com.example.mdm", organization = "Example Works" }]\n'
    )
    async with live_stage(managed, monkeypatch), await client() as phone, MobileConfigService(phone) as service:
        cloud = await service.get_cloud_configuration()
        profiles = await service.get_profile_list()
        assert cloud is not None
        assert (cloud["IsSupervised"], cloud["OrganizationName"]) == (True, "Example Works")
        assert profiles["ProfileMetadata"]["com.example.mdm"]["PayloadDisplayName"] == "MDM"
    async with live_stage(ONE_PHONE, monkeypatch), await client() as phone, MobileConfigService(phone) as service:
        assert await service.get_cloud_configuration() is None
        assert (await service.get_profile_list())["ProfileMetadata"] == {}


async def test_a_notification_when_the_backup_domain_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who observes the backup domain is told when a new date is written."""
    text = ONE_PHONE.replace(", last = -9", "")
    name = "com.apple.mobile.backup.domain_changed"
    async with (
        live_stage(text, monkeypatch, at=at(-1, "22:00")) as stage,
        await client() as phone,
        NotificationProxyService(phone, timeout=10) as service,
    ):
        await service.notify_register_dispatch(name)
        await service.notify_register_dispatch("marker")
        await service.notify_post("marker")
        events = service.receive_notification()
        assert (await anext(events)).name == "marker"
        await stage.move_to(at(0, "03:00"))
        assert (await anext(events)).name == name


async def test_marco_polo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat answers its client."""
    async with live_stage(ONE_PHONE, monkeypatch), await client() as phone:
        async with asyncio.timeout(10):
            await HeartbeatService(phone).start(interval=0)


async def test_a_service_that_hangs_leaves_the_rest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of one service is that service's own; values can still be read."""
    name = "com.apple.mobile.diagnostics_relay"
    text = f'{ONE_PHONE}fault = [{{ step = "service:{name}", kind = "hang", over = "usb" }}]\n'
    async with live_stage(text, monkeypatch), await client() as phone:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), DiagnosticsService(phone) as service:
                await service.get_battery()
        assert (await phone.get_value(None, "UniqueDeviceID")) == ANNA
    async with (
        live_stage(text, monkeypatch),
        await create_using_usbmux(autopair=False, connection_type="Network") as phone,
        DiagnosticsService(phone) as service,
    ):
        assert await service.get_battery()
