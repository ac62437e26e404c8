"""Phones that usbmuxd does not see are found on the local network by Bonjour, here on loopback only."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iphone_kit import environment, look, stage, udid

from backupwatch.facts.observation import BlindReason as Why
from backupwatch.simulator.phone import PhoneActor
from backupwatch.sources.iphone_wifi import Heard
from backupwatch.sources.looker import Looker

ANNA, BEN = udid(0xA11A01), udid(0xBE0B02)
"""Of this file alone: other tests on this machine share the multicast group."""

BLIND_USBMUXD = "[usbmuxd]\nnetwork = false\n"
ON_LOOPBACK = {"wifi": True, "bonjour_interfaces": ["lo"], "wifi_browse_s": 5}


def phones(*stories: str) -> str:
    return "".join(f"[[phone]]\n{story}\n" for story in stories) + BLIND_USBMUXD


@pytest.fixture(autouse=True)
def _linux_loopback() -> None:
    if not Path("/sys/class/net/lo").exists():
        pytest.skip("the stage's Wi-Fi needs Linux's loopback addresses")


async def test_a_paired_phone_on_wifi_is_read_without_usbmuxd_seeing_it(tmp_path: Path) -> None:
    """Browse, call, recognise, read."""
    story = phones(f'udid = "{ANNA}"\nconnection = "network"\nbackups = [{{ last = -2 }}]')
    with stage(story, bonjour=True) as play:
        seen = await look(play, tmp_path, known=[ANNA], **ON_LOOPBACK)
        assert seen.values[ANNA]["connection"] == "wifi"
        assert seen.values[ANNA]["wifi_joined"] is True
        assert seen.values[ANNA]["last_cloud_backup"]
        assert seen.blinds == {}


async def test_the_cable_is_preferred_and_the_phone_told_once(tmp_path: Path) -> None:
    """A phone on the cable that announces itself too is not read twice."""
    story = phones(f'udid = "{ANNA}"\nconnection = "both"', f'udid = "{BEN}"\nconnection = "network"')
    with stage(story, bonjour=True) as play:
        seen = await look(play, tmp_path, known=[ANNA, BEN], **ON_LOOPBACK)
        told = [(fact.subject.id, fact.value) for fact in seen.observations() if fact.kind == "connection"]
        assert sorted(told) == sorted([(ANNA, "usb"), (BEN, "wifi")])


async def test_a_strangers_phone_on_the_same_network_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only phones that are paired with this computer are called at all."""
    called: set[str] = set()
    original = PhoneActor.serve

    async def serve(self: PhoneActor, *rest: Any) -> None:
        called.add(self.udid)
        await original(self, *rest)

    monkeypatch.setattr(PhoneActor, "serve", serve)
    story = phones(
        f'udid = "{ANNA}"\nconnection = "network"', f'udid = "{BEN}"\nconnection = "network"\ntrust = "unpaired"'
    )
    with stage(story, bonjour=True) as play:
        seen = await look(play, tmp_path, known=[ANNA], **ON_LOOPBACK)
        assert seen.phones == called == {ANNA}


async def test_a_phone_with_a_randomised_wifi_address_is_known_by_its_tags(tmp_path: Path) -> None:
    """The address in the pair record is not the one in the announcement."""
    with stage(phones(f'udid = "{ANNA}"\nconnection = "network"'), bonjour=True) as play:
        record = plistlib.loads(play.pair_records[ANNA.replace("-", "")])
        play.pair_records[ANNA.replace("-", "")] = plistlib.dumps({**record, "WiFiMACAddress": "00:11:22:33:44:55"})
        seen = await look(play, tmp_path, known=[ANNA], **ON_LOOPBACK)
        assert seen.values[ANNA]["trust"] == "trusted"


async def test_a_hanging_phone_on_wifi_does_not_keep_its_neighbour_from_being_read(tmp_path: Path) -> None:
    """Each call is one phone's own."""
    hung = 'fault = [{ step = "getvalue:com.apple.mobile.backup", kind = "hang" }]'
    story = phones(f'udid = "{ANNA}"\nconnection = "network"', f'udid = "{BEN}"\nconnection = "network"\n{hung}')
    with stage(story, bonjour=True) as play:
        seen = await look(play, tmp_path, known=[ANNA, BEN], phone_deadline_s=1.5, **ON_LOOPBACK)
        assert seen.values[ANNA]["trust"] == "trusted"
        assert seen.blinds == {BEN: {"iphone": Why.TIMEOUT}}


async def test_a_computer_without_usbmuxd_reads_phones_over_wifi(tmp_path: Path) -> None:
    """A pair record in a folder is enough; that there is no usbmuxd is said nevertheless."""
    with stage(phones(f'udid = "{ANNA}"\nconnection = "network"'), bonjour=True) as play:
        folder = tmp_path / "data" / "pymobiledevice3"
        folder.mkdir(parents=True)
        (folder / f"{ANNA}.plist").write_bytes(play.pair_records[ANNA.replace("-", "")])
        looker = Looker(environment=environment(str(tmp_path / "nothing"), tmp_path))
        seen = await look(play, tmp_path, looker=looker, **ON_LOOPBACK)
        assert seen.values[ANNA]["trust"] == "trusted"
        assert seen.blinds == {"this": {"iphone": Why.NO_USBMUXD}}


async def test_with_wifi_switched_off_nothing_is_searched(tmp_path: Path) -> None:
    """``polling.wifi = false`` means that no phone is found by Bonjour."""
    with stage(phones(f'udid = "{ANNA}"\nconnection = "network"'), bonjour=True) as play:
        seen = await look(play, tmp_path, known=[ANNA], wifi=False)
        assert seen.phones == set()


async def test_a_sleeping_phone_is_simply_not_there(tmp_path: Path) -> None:
    """Nobody answers: no fact and no reproach."""
    story = phones(f'udid = "{ANNA}"\nconnection = "away"', f'udid = "{BEN}"\nconnection = "network"')
    with stage(story, bonjour=True) as play:
        seen = await look(play, tmp_path, known=[ANNA, BEN], **{**ON_LOOPBACK, "wifi_browse_s": 1.5})
        assert seen.phones == {BEN}


async def test_without_a_pair_record_nobody_is_called(tmp_path: Path) -> None:
    """A phone that is only known by name cannot be read, so it is not searched for."""
    with stage(phones(f'udid = "{ANNA}"\nconnection = "network"'), bonjour=True) as play:
        seen = await look(play, tmp_path, known=[udid(9)], **ON_LOOPBACK)
        assert seen.phones == set()
        assert seen.blinds == {}


@given(st.lists(st.binary(max_size=600), max_size=8))
def test_whatever_is_shouted_on_the_network_is_survived(packets: list[bytes]) -> None:
    """Anybody may send anything to a multicast group."""
    heard = Heard()
    for packet in packets:
        assert heard.hear(packet, "lo") == []
        assert heard.hear(b"\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00" + packet, "lo") == []
