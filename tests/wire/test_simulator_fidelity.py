"""Clients that nobody here wrote take the simulated phones for real ones."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulator_kit import ANNA, ONE_PHONE, on_stage, pymobiledevice3, run, tool

from backupwatch.simulator.stage import StageInThread
from backupwatch.simulator.values import since_2001

LAST_BACKUP = since_2001(datetime(2026, 11, 13, 2, 11, 9, tzinfo=UTC))
UNPAIRED = """
title = "A phone that was never paired"
[[phone]]
udid = "00008140-0A0B0C0D0E0F0001"
name = "New phone"
trust = "unpaired"
"""
NEW = "00008140-0A0B0C0D0E0F0001"


@pytest.fixture(scope="module")
def stage() -> Iterator[StageInThread]:
    with on_stage(ONE_PHONE) as playing:
        yield playing


def test_idevice_id_lists_the_phone(stage: StageInThread, tmp_path: Path) -> None:
    """libimobiledevice sees the phone that is plugged in."""
    assert ANNA in run(tool("idevice_id", "-l"), stage, tmp_path, libimobiledevice=True).split()


def test_idevice_id_lists_the_phone_on_wifi(stage: StageInThread, tmp_path: Path) -> None:
    """libimobiledevice sees the same phone on the network."""
    assert ANNA in run(tool("idevice_id", "-n"), stage, tmp_path, libimobiledevice=True)


def test_ideviceinfo_reads_the_date_of_the_last_backup(stage: StageInThread, tmp_path: Path) -> None:
    """libimobiledevice reads the backup date over a paired TLS session, as seconds since 2001."""
    command = tool("ideviceinfo", "-u", ANNA, "-q", "com.apple.mobile.backup", "-k", "LastCloudBackupDate")
    assert run(command, stage, tmp_path, libimobiledevice=True).strip() == str(LAST_BACKUP)


def test_ideviceinfo_reads_the_whole_backup_domain(stage: StageInThread, tmp_path: Path) -> None:
    """libimobiledevice reads the backup domain whole, with the types of a real phone."""
    command = tool("ideviceinfo", "-u", ANNA, "-q", "com.apple.mobile.backup", "-x")
    domain = plistlib.loads(run(command, stage, tmp_path, libimobiledevice=True).encode())
    assert domain["CloudBackupEnabled"] is True
    assert domain["LastCloudBackupDate"] == LAST_BACKUP
    assert domain["LastCloudBackupTZ"] == "GMT+1"


def test_ideviceinfo_reads_over_wifi(stage: StageInThread, tmp_path: Path) -> None:
    """libimobiledevice connects to the phone's own network address and reads its name there."""
    command = tool("ideviceinfo", "-n", "-u", ANNA, "-k", "DeviceName")
    assert run(command, stage, tmp_path, libimobiledevice=True).strip() == "Anna's iPhone"


def test_an_unpaired_phone_hides_its_backups(tmp_path: Path) -> None:
    """Without trust, ideviceinfo gets the phone's name and not its backup date."""
    with on_stage(UNPAIRED) as playing:
        simple = run(tool("ideviceinfo", "-s", "-u", NEW), playing, tmp_path, libimobiledevice=True)
        backup = tool("ideviceinfo", "-s", "-u", NEW, "-q", "com.apple.mobile.backup")
        assert "DeviceName: New phone" in simple
        assert "BootSessionID" not in simple
        assert "CloudBackupEnabled" not in run(backup, playing, tmp_path, libimobiledevice=True)


def test_idevicepair_pairs_validates_and_unpairs(tmp_path: Path) -> None:
    """libimobiledevice pairs with the phone, uses the new pair record, and takes it back."""
    with on_stage(UNPAIRED) as playing:

        def pair(word: str) -> str:
            return run(tool("idevicepair", "-u", NEW, word), playing, tmp_path, libimobiledevice=True)

        assert "SUCCESS" in pair("pair")
        assert "SUCCESS" in pair("validate")
        info = tool("ideviceinfo", "-u", NEW, "-q", "com.apple.mobile.backup", "-k", "CloudBackupEnabled")
        assert run(info, playing, tmp_path, libimobiledevice=True).strip() == "true"
        assert "SUCCESS" in pair("unpair")
        assert playing.pair_records == {}
        assert playing.phones[NEW].trusted_hosts() == []


def test_idevicepair_hears_what_the_owner_does(tmp_path: Path) -> None:
    """libimobiledevice tells a locked phone, a waiting dialog and a refusal apart."""
    words = {"locked": "passcode", "ignore": "trust dialog", "deny": "denied"}
    for dialog, word in words.items():
        with on_stage(f'{UNPAIRED}dialog = "{dialog}"\n') as playing:
            answer = run(tool("idevicepair", "-u", NEW, "pair"), playing, tmp_path, libimobiledevice=True)
            assert word in answer.lower(), dialog


def test_pymobiledevice3_lists_both_connections(stage: StageInThread, tmp_path: Path) -> None:
    """pymobiledevice3's command line lists the phone twice: on the cable and on the network."""
    listed = json.loads(run(pymobiledevice3("usbmux", "list"), stage, tmp_path))
    assert {(one["UniqueDeviceID"], one["ConnectionType"]) for one in listed} == {(ANNA, "USB"), (ANNA, "Network")}


def test_pymobiledevice3_reads_the_backup_domain(stage: StageInThread, tmp_path: Path) -> None:
    """pymobiledevice3's command line reads the backup domain over a paired TLS session."""
    command = pymobiledevice3("lockdown", "get", "com.apple.mobile.backup", "--udid", ANNA)
    domain = json.loads(run(command, stage, tmp_path))
    assert (domain["LastCloudBackupDate"], domain["CloudBackupEnabled"]) == (LAST_BACKUP, True)


def test_pymobiledevice3_works_over_tcp(stage: StageInThread, tmp_path: Path) -> None:
    """usbmuxd on host:port serves like the one on the Unix socket."""
    command = pymobiledevice3("usbmux", "list", "--usbmux", stage.usbmuxd_tcp)
    assert ANNA in run(command, stage, tmp_path)
