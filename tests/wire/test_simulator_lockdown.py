"""The simulated lockdownd, as pymobiledevice3's own client meets it."""

from __future__ import annotations

import plistlib
from datetime import UTC, datetime

import pytest
from pymobiledevice3 import exceptions as pmd
from pymobiledevice3.ca import generate_pairing_cert_chain
from pymobiledevice3.lockdown import (
    LockdownClient,
    create_using_tcp,
    create_using_usbmux,
)
from simulator_kit import ANNA, ONE_PHONE, at, live_stage

from backupwatch.simulator import pairing
from backupwatch.simulator.values import since_2001

BACKUP = "com.apple.mobile.backup"
NEW = "00008140-0A0B0C0D0E0F0001"


def story(**state: object) -> str:
    """One phone on the cable that is as told."""
    lines = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in state.items()
    ]
    return "\n".join(['title = "t"', "[[phone]]", f'udid = "{NEW}"', *lines, ""])


async def client(connection: str = "USB") -> LockdownClient:
    return await create_using_usbmux(autopair=False, connection_type=connection)


async def test_a_paired_computer_reads_every_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backup, battery, disk, Find My, set-up and Wi-Fi are there, with the types of a real phone."""
    async with live_stage(ONE_PHONE, monkeypatch), await client() as phone:
        backup = await phone.get_value(BACKUP)
        battery = await phone.get_value("com.apple.mobile.battery")
        free = await phone.get_value("com.apple.disk_usage", "TotalDataAvailable")
        clock = await phone.get_value(None, "TimeIntervalSince1970")
        assert phone.paired
        assert backup["LastCloudBackupDate"] == since_2001(datetime(2026, 11, 13, 2, 11, 9, tzinfo=UTC))
        assert isinstance(backup["RequiresEncryption"], int)
        assert battery["ExternalConnected"] is True
        assert free == 41_000_000_000
        assert clock == at(0, "13:00").timestamp()
        for domain, key in (
            (None, "BootSessionID"),
            ("com.apple.fmip", "IsAssociated"),
            ("com.apple.purplebuddy", "RestoreState"),
            ("com.apple.mobile.wireless_lockdown", "EnableWifiConnections"),
            ("com.apple.mobile.data_sync", "Contacts"),
        ):
            assert await phone.get_value(domain, key) is not None


async def test_what_a_phone_does_not_have_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key or a domain that does not exist is answered MissingValue."""
    async with live_stage(ONE_PHONE, monkeypatch), await client() as phone:
        for domain, key in ((None, "NoSuchKey"), (BACKUP, "NoSuchKey"), ("no.such.domain", None)):
            with pytest.raises(pmd.MissingValueError):
                await phone.get_value(domain, key)


async def test_a_switched_off_backup_has_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switching iCloud Backup off deletes the date, as iOS does."""
    text = f"{ONE_PHONE}\n[[phone.at]]\nday = -2\nicloud_backup = false\n"
    async with live_stage(text, monkeypatch, at=at(-3, "12:00")) as stage:
        async with await client() as phone:
            assert "LastCloudBackupDate" in await phone.get_value(BACKUP)
        await stage.move_to(at(-1, "12:00"))
        async with await client() as phone:
            values = await phone.get_value(BACKUP)
            assert values["CloudBackupEnabled"] is False
            assert "LastCloudBackupDate" not in values


async def test_an_unpaired_phone_shows_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before pairing only name, model and the like can be read, and no service starts."""
    async with live_stage(story(trust="unpaired", name="Stranger"), monkeypatch), await client() as phone:
        assert not phone.paired
        assert phone.all_values["DeviceName"] == "Stranger"
        assert "BootSessionID" not in phone.all_values
        with pytest.raises(pmd.GetProhibitedError):
            await phone.get_value(BACKUP)
        with pytest.raises(pmd.GetProhibitedError):
            await phone.get_value(None, "BootSessionID")
        with pytest.raises(pmd.NotPairedError):
            await phone.start_lockdown_service("com.apple.os_trace_relay")


async def test_a_lost_pairing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """This computer still has a pair record, and the phone does not know it any more."""
    async with live_stage(story(trust="lost"), monkeypatch) as stage:
        assert stage.pair_records
        async with await client() as phone:
            assert not phone.paired
            with pytest.raises(pmd.InvalidHostIDError):
                await phone._request("StartSession", {"HostID": pairing.HOST_ID})


async def test_another_computers_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who knows a HostID but holds another key gets no session: the phone checks the certificate."""
    host, key, device, root, root_key = generate_pairing_cert_chain(pairing.device_public_key())
    forged = {"HostCertificate": host, "HostPrivateKey": key, "DeviceCertificate": device, "RootCertificate": root}
    async with live_stage(story(), monkeypatch) as stage:
        record = plistlib.loads(stage.pair_records[NEW.replace("-", "")])
        del root_key
        async with await create_using_usbmux(autopair=False, pair_record=record | forged) as phone:
            assert not phone.paired
        async with await create_using_usbmux(autopair=False, pair_record=record) as phone:
            assert phone.paired


async def test_a_phone_that_was_not_unlocked_since_it_started_stays_shut(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart a paired computer is told PasswordProtected until the first unlock."""
    async with live_stage(story(unlocked_since_boot=False), monkeypatch):
        with pytest.raises(pmd.PasswordRequiredError):
            await client()


async def test_the_lock_screen_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """PasswordProtected is true at the lock screen, and never on a phone without a passcode."""
    for passcode in (True, False):
        async with live_stage(story(passcode=passcode), monkeypatch, at=at(0, "03:00")), await client() as phone:
            assert await phone.get_value(None, "PasswordProtected") is passcode


async def test_pairing_by_the_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Trust dialog is answered at the second request; the new pair record then opens everything."""
    async with live_stage(story(trust="unpaired", dialog="accept", dialog_delay=1), monkeypatch) as stage:
        async with await client() as phone:
            with pytest.raises(pmd.PairingDialogResponsePendingError):
                await phone.pair(timeout=0)
            await phone.pair(timeout=0)
        record = plistlib.loads(stage.pair_records[NEW.replace("-", "")])
        assert record["EscrowBag"] == pairing.escrow_bag(NEW)
        async with await client() as phone:
            assert phone.paired
            assert (await phone.get_value(BACKUP))["Version"] == "2.0"
            await phone.unpair()
        async with await client() as phone:
            assert not phone.paired


@pytest.mark.parametrize(
    ("dialog", "error"),
    [
        ("ignore", pmd.PairingDialogResponsePendingError),
        ("deny", pmd.UserDeniedPairingError),
        ("locked", pmd.PasswordRequiredError),
    ],
)
async def test_pairing_that_does_not_happen(
    dialog: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody answers, the owner refuses, or the phone is locked: each has its own error."""
    async with live_stage(story(trust="unpaired", dialog=dialog), monkeypatch), await client() as phone:
        with pytest.raises(error):
            await phone.pair(timeout=0)


async def test_no_pairing_over_wifi(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone refuses to pair over the network."""
    text = story(trust="unpaired", connection="network")
    async with live_stage(text, monkeypatch), await client("Network") as phone:
        with pytest.raises(pmd.LockdownError) as caught:
            await phone.pair(timeout=0)
        assert caught.value.error == "PairingProhibitedOverThisConnection"


async def test_wifi_access_can_be_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paired computer may switch "Show this iPhone when on Wi-Fi", and hardly anything else."""
    domain, key = "com.apple.mobile.wireless_lockdown", "EnableWifiConnections"
    async with live_stage(story(wifi_sync=False), monkeypatch), await client() as phone:
        assert await phone.get_value(domain, key) is False
        await phone.set_value(True, domain, key)
        assert await phone.get_value(domain, key) is True
        with pytest.raises(pmd.SetProhibitedError):
            await phone.set_value(1, BACKUP, "LastCloudBackupDate")


async def test_sessions_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After StopSession the connection goes on in plain text and shows only what anybody may see."""
    async with live_stage(ONE_PHONE, monkeypatch), await client() as phone:
        assert (await phone.stop_session())["Result"] == "Success"


async def test_a_service_that_no_phone_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown service is refused by name."""
    async with live_stage(ONE_PHONE, monkeypatch), await client() as phone:
        with pytest.raises(pmd.InvalidServiceError):
            await phone.start_lockdown_service("com.apple.no.such.service")


async def test_directly_over_wifi(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone on the Wi-Fi answers on its own address, with the pair record of this computer."""
    async with live_stage(ONE_PHONE, monkeypatch) as stage:
        record = plistlib.loads(stage.pair_records[ANNA.replace("-", "")])
        address = stage.phones[ANNA].address
        async with await create_using_tcp(address, autopair=False, pair_record=record) as phone:
            assert phone.paired
            assert (await phone.get_value(BACKUP))["CloudBackupEnabled"] is True
            service = await phone.start_lockdown_service("com.apple.mobile.heartbeat")
            assert (await service.recv_plist())["Command"] == "Marco"
            await service.close()


async def test_a_name_with_escape_codes_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that no XML can hold travel all the same."""
    text = f'title = "t"\n[[phone]]\nudid = "{NEW}"\nname = "\\u001B[31mred\\u0000"\n'
    async with live_stage(text, monkeypatch), await client() as phone:
        assert await phone.get_value(None, "DeviceName") == "\x1b[31mred\x00"
