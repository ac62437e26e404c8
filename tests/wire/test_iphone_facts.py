"""What a poll reads from healthy, untrusted, locked and managed phones, over real sockets in a real worker."""

from __future__ import annotations

import asyncio
import plistlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from iphone_kit import ANNA, BEN, Seen, environment, look, stage, udid

from backupwatch.facts.observation import BlindReason
from backupwatch.simulator.stage import StageInThread
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

HEALTHY = f"""
[[phone]]
udid = "{ANNA}"
name = "Anna's iPhone"
model = "iPhone17,1"
os = "26.1"
battery = 64
capacity_gb = 128.0
free_gb = 41.23
encrypt_local = true
backups = [{{ time = "02:11:09", last = -3 }}, {{ kind = "local", time = "20:00", first = -9, last = -9 }}]
"""


def _ago(play: StageInThread, days: int, clock: str) -> str:
    return f"{play.today - timedelta(days=days)}T{clock}Z"


async def test_one_poll_reads_everything_that_the_checks_need(tmp_path: Path) -> None:
    """Identity, trust, both backup dates, power, disk, clock, Wi-Fi and management come from one look."""
    with stage(HEALTHY) as play:
        seen = await look(play, tmp_path)
        values = seen.values[ANNA]
        assert seen.values["this"] == {"usbmuxd": "ok"}
        assert seen.blinds == {}
        assert values == {
            "connection": "usb", "name": "Anna's iPhone", "model": "iPhone17,1", "os_version": "26.1",
            "os_build": "23B85", "device_class": "iPhone", "activation": "Activated", "trust": "trusted",
            "locked": False, "unlocked_since_boot": True,
            "cloud_backup_enabled": True, "last_cloud_backup": _ago(play, 3, "02:11:09"),
            "last_local_backup": _ago(play, 9, "20:00:00"), "backup_date_problem": None, "local_date_problem": None,
            "backup_encrypted": True, "on_power": True, "battery_percent": 64, "charging": True,
            "disk_total": 110_000_000_000, "disk_available": 41_200_000_000, "clock_offset": 0.0,
            "boot_session": values["boot_session"], "restore_state": "Complete", "setup_state": "SetupComplete",
            "find_my_on": True, "wifi_access": True, "wifi_joined": True,
            "supervised": False, "organisation": None, "profiles": [],
        }  # fmt: skip
        assert all(fact.observed_at == play.now for fact in seen.facts)


async def test_a_phone_that_was_never_paired_is_named_and_not_asked_to_trust(tmp_path: Path) -> None:
    """What a stranger may read is read; no Trust dialog comes up."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\nname = "Guest"\ntrust = "unpaired"') as play:
        seen = await look(play, tmp_path)
        assert seen.values[ANNA]["trust"] == "never"
        assert seen.values[ANNA]["name"] == "Guest"
        assert seen.blinds[ANNA] == {"iphone": BlindReason.UNTRUSTED}
        assert play.phones[ANNA].dialog_seen == 0


async def test_a_phone_that_forgot_this_computer_is_told_apart_from_a_stranger(tmp_path: Path) -> None:
    """A refused pair record is lost trust, and again no Trust dialog comes up."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\ntrust = "lost"') as play:
        seen = await look(play, tmp_path)
        assert seen.values[ANNA]["trust"] == "lost"
        assert seen.blinds[ANNA] == {"iphone": BlindReason.UNTRUSTED}
        assert "no longer" in seen.sentence(ANNA, "iphone")
        assert play.phones[ANNA].dialog_seen == 0


async def test_a_phone_not_unlocked_since_it_started_says_so(tmp_path: Path) -> None:
    """It is a fact of its own, not a lost trust."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\nunlocked_since_boot = false') as play:
        seen = await look(play, tmp_path)
        assert seen.values[ANNA]["unlocked_since_boot"] is False
        assert "trust" not in seen.values[ANNA]
        assert seen.blinds[ANNA] == {"iphone": BlindReason.LOCKED}


async def test_an_organisations_phone_says_who_manages_it(tmp_path: Path) -> None:
    """Supervision, the organisation and the names of its profiles."""
    story = f"""
    [[phone]]
    udid = "{ANNA}"
    supervised = true
    organization = "Seaside School"
    profiles = [{{ name = "Restrictions", identifier = "school.restrictions", organization = "Seaside School" }}]
    """
    with stage(story) as play:
        values = (await look(play, tmp_path)).values[ANNA]
        assert (values["supervised"], values["organisation"]) == (True, "Seaside School")
        assert values["profiles"] == ["Restrictions"]


async def test_a_backup_date_that_vanished_is_none_and_a_broken_one_is_a_problem(tmp_path: Path) -> None:
    """Switched off, zero, absurd and future are four different things."""
    odd = {udid(1): "1", udid(2): "0", udid(3): "5000000000", udid(4): '"soon"'}
    story = "".join(
        f'[[phone]]\nudid = "{ident}"\nvalues."com.apple.mobile.backup".LastCloudBackupDate = {raw}\n'
        for ident, raw in odd.items()
    )
    story += f'[[phone]]\nudid = "{ANNA}"\nicloud_backup = false\nbackups = [{{}}]\n'
    with stage(story) as play:
        seen = await look(play, tmp_path)
        problems = [seen.values[ident]["backup_date_problem"] for ident in odd]
        assert problems == ["absurd", "zero", "future", "not-a-date"]
        assert all("last_cloud_backup" not in seen.values[ident] for ident in odd)
        assert seen.values[ANNA]["last_cloud_backup"] is None
        assert seen.values[ANNA]["cloud_backup_enabled"] is False


@pytest.mark.parametrize("version", ["12.5.7", "15.8", "26.1"])
@pytest.mark.parametrize("joined", [True, False])
async def test_whether_a_phone_on_the_cable_is_on_wifi_is_read_on_every_ios(
    tmp_path: Path, version: str, joined: bool
) -> None:
    """With or without the network's name, which later releases keep to themselves."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\nos = "{version}"\nwifi = {str(joined).lower()}') as play:
        assert (await look(play, tmp_path)).values[ANNA]["wifi_joined"] is joined


async def test_a_wrong_clock_is_measured(tmp_path: Path) -> None:
    """Forty minutes ahead is 2400 seconds."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\nclock_ahead = 2400.0') as play:
        assert (await look(play, tmp_path)).values[ANNA]["clock_offset"] == 2400.0


async def test_nasty_values_become_absent_or_short(tmp_path: Path) -> None:
    """A table for a name, 140 percent, a negative size and ten thousand letters do no harm."""
    story = f"""
    [[phone]]
    udid = "{ANNA}"
    name = "{"x" * 10_000}"
    values.default = {{ ProductType = [1, 2], PasswordProtected = "perhaps", TimeIntervalSince1970 = "now" }}
    values."com.apple.mobile.battery" = {{ BatteryCurrentCapacity = 140, ExternalConnected = "yes" }}
    values."com.apple.disk_usage" = {{ TotalDataAvailable = -4, TotalDataCapacity = 1.5 }}
    """
    with stage(story) as play:
        seen = await look(play, tmp_path)
        values = seen.values[ANNA]
        assert len(str(values["name"])) <= 512
        for kind in ("model", "locked", "clock_offset", "battery_percent", "on_power", "disk_total", "disk_available"):
            assert values[kind] is None
        assert values["trust"] == "trusted"


async def test_a_phone_on_both_links_is_read_once_by_cable(tmp_path: Path) -> None:
    """Listed twice, told once."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\nconnection = "both"') as play:
        seen = await look(play, tmp_path)
        assert [fact.value for fact in seen.observations() if fact.kind == "connection"] == ["usb"]


async def test_a_phone_known_to_usbmuxd_over_the_network_is_on_wifi(tmp_path: Path) -> None:
    """Being reachable over Wi-Fi proves Wi-Fi; the services that some phones refuse there are not asked."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\nconnection = "network"') as play:
        values = (await look(play, tmp_path)).values[ANNA]
        assert (values["connection"], values["wifi_joined"], values["trust"]) == ("wifi", True, "trusted")
        assert "supervised" not in values


async def test_when_the_cable_fails_the_network_is_tried(tmp_path: Path) -> None:
    """A cable pulled in the middle does not cost the look."""
    story = f"""
    [[phone]]
    udid = "{ANNA}"
    connection = "both"
    fault = [{{ step = "getvalue:com.apple.mobile.backup", kind = "reset", over = "usb" }}]
    """
    with stage(story) as play:
        seen = await look(play, tmp_path)
        assert seen.values[ANNA]["connection"] == "wifi"
        assert seen.values[ANNA]["cloud_backup_enabled"] is True
        assert seen.blinds == {}


async def test_only_the_wanted_phones_are_touched(tmp_path: Path) -> None:
    """``only`` and ``skip`` hold whatever the spelling of the UDID."""
    story = "".join(f'[[phone]]\nudid = "{ident}"\n' for ident in (ANNA, BEN, udid(7)))
    with stage(story) as play:
        assert (await look(play, tmp_path, only=[ANNA.lower().replace("-", "")])).phones == {ANNA}
        assert (await look(play, tmp_path, skip=[BEN])).phones == {ANNA, udid(7)}


async def test_a_usbmuxd_that_drops_the_dash_means_the_same_phone(tmp_path: Path) -> None:
    """A UDID is told as the phone spells it, however usbmuxd does."""
    with stage(f'[[phone]]\nudid = "{ANNA.replace("-", "")}"') as play:
        assert (await look(play, tmp_path)).phones == {ANNA}


@pytest.mark.parametrize("record", [b"not a plist", plistlib.dumps({"HostID": 5}), plistlib.dumps([1])])
async def test_a_damaged_pair_record_is_named_and_costs_nobody_else(tmp_path: Path, record: bytes) -> None:
    """The computer's own file is broken: said so, and the other phone is read."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\n[[phone]]\nudid = "{BEN}"') as play:
        play.pair_records[ANNA.replace("-", "")] = record
        seen = await look(play, tmp_path)
        assert seen.blinds[ANNA] == {"iphone": BlindReason.UNTRUSTED}
        assert "damaged" in seen.sentence(ANNA, "iphone")
        assert seen.values[BEN]["trust"] == "trusted"


async def test_no_usbmuxd_is_said_in_one_word(tmp_path: Path) -> None:
    """Nothing at the address: no crash, no phone, a named reason."""
    looker = Looker(environment=environment(str(tmp_path / "nothing"), tmp_path))
    seen = Seen(await looker.look("iphone", Request(datetime.now(UTC), tmp_path, {}), 30))
    assert seen.blinds == {"this": {"iphone": BlindReason.NO_USBMUXD}}
    assert seen.phones == set()


@pytest.mark.parametrize("kind", ["hang", "reset", "garbage"])
async def test_a_broken_usbmuxd_is_told_apart_from_a_missing_one(tmp_path: Path, kind: str) -> None:
    """It answers, but not usefully."""
    with stage(f'[[phone]]\nudid = "{ANNA}"\n[usbmuxd]\nfault = [{{ step = "list", kind = "{kind}" }}]') as play:
        seen = await look(play, tmp_path, phone_deadline_s=0.5)
        assert seen.blinds == {"this": {"iphone": BlindReason.USBMUXD_BROKEN}}


@pytest.mark.parametrize("spelling", ["UNIX:{0}", "{1}"])
async def test_the_address_may_be_spelt_as_other_tools_do(tmp_path: Path, spelling: str) -> None:
    """libimobiledevice's ``UNIX:/path`` and a host with a port both work."""
    with stage(HEALTHY) as play:
        address = spelling.format(play.usbmuxd_address, play.usbmuxd_tcp)
        seen = await look(play, tmp_path, looker=Looker(environment=environment(address, tmp_path)))
        assert seen.values[ANNA]["trust"] == "trusted"


async def test_a_home_that_cannot_be_used_costs_nothing(tmp_path: Path) -> None:
    """A service user without a home folder reads phones like anybody else; the library would insist on making one."""
    story = f'[[phone]]\nudid = "{ANNA}"\n[[phone]]\nudid = "{BEN}"\ntrust = "unpaired"'
    with stage(story) as play:
        homeless = Looker(environment=environment(play.usbmuxd_address, Path("/dev/null/home")))
        seen = await look(play, tmp_path, looker=homeless)
        assert (seen.values[ANNA]["trust"], seen.values[BEN]["trust"]) == ("trusted", "never")


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """No folder of the library, no key file: the home is as it was."""
    with stage(HEALTHY) as play:
        asyncio.run(look(play, tmp_path))
    assert list(tmp_path.iterdir()) == []
