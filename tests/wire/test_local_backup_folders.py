"""Backup folders as each program leaves them, read by a worker of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - the other user cannot import it
import os
import plistlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from backupwatch.clock import utc_now
from backupwatch.facts import kinds
from backupwatch.facts.observation import Blind, BlindReason, Fact, Observation, from_line, phone, to_line
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

UDID = "00008140-001C2D3E4F50001C"
OLD = "8f3c0b9a7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
STARTED, ENDED = datetime(2026, 11, 20, 2, 0, 0), datetime(2026, 11, 20, 2, 41, 7)
IDENTITY = {
    "Device Name": "Anna",
    "Product Type": "iPhone17,1",
    "Product Version": "26.1",
    "Target Type": "Device",
    "Serial Number": "F2LX9K3QN73H",
}
PLIST_BINARY, PLIST_XML = plistlib.FMT_BINARY, plistlib.FMT_XML


def put(file: Path, table: Any, fmt: Any = PLIST_XML) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(table if isinstance(table, bytes) else plistlib.dumps(table, fmt=fmt))


def payload(folder: Path) -> None:
    """What the phone itself sends, whichever program receives it."""
    put(
        folder / "Manifest.plist",
        {
            "IsEncrypted": True,
            "WasPasscodeSet": True,
            "Version": "10.0",
            "Date": STARTED,
            "ManifestKey": b"\4" * 44,
            "BackupKeyBag": b"DATA" * 30,
            "Lockdown": {"UniqueDeviceID": folder.name},
        },
        PLIST_BINARY,
    )
    put(folder / "Manifest.db", b"\x93" * 4096)
    put(
        folder / "Status.plist",
        {
            "SnapshotState": "finished",
            "Date": ENDED,
            "BackupState": "new",
            "IsFullBackup": False,
            "Version": "3.3",
            "UUID": "6A0C",
        },
        PLIST_BINARY,
    )
    for number in range(3):
        put(folder / f"{number:02x}" / f"{number:02x}{'0' * 38}", b"\x01" * 1000)


def finder(folder: Path) -> None:
    """Finder writes Info.plist last, with artwork, and names the product."""
    payload(folder)
    put(
        folder / "Info.plist",
        IDENTITY
        | {
            "Unique Identifier": folder.name.upper(),
            "Target Identifier": folder.name,
            "Last Backup Date": ENDED,
            "Product Name": "iPhone 16 Pro",
            "Applications": {"a.b": {"PlaceholderIcon": b"\x89PNG" * 10_000}},
        },
    )


def idevicebackup2(folder: Path) -> None:
    """idevicebackup2 writes Info.plist when it starts."""
    put(
        folder / "Info.plist",
        IDENTITY
        | {
            "Unique Identifier": folder.name.upper(),
            "Target Identifier": folder.name,
            "Last Backup Date": STARTED,
            "iTunes Version": "10.0.1",
        },
    )
    payload(folder)


def pymobiledevice3(folder: Path) -> None:
    """pymobiledevice3 writes a status of "finished" and an empty manifest first; the phone overwrites both."""
    pymobiledevice3_that_died(folder)
    payload(folder)


def pymobiledevice3_that_died(folder: Path) -> None:
    """What it leaves when the cable is pulled at once."""
    put(
        folder / "Info.plist",
        IDENTITY
        | {
            "Unique Identifier": folder.name.upper(),
            "Target Identifier": folder.name,
            "GUID": b"\0" * 16,
            "iTunes Files": {},
        },
    )
    put(
        folder / "Status.plist",
        {
            "BackupState": "new",
            "Date": STARTED,
            "IsFullBackup": False,
            "Version": "3.3",
            "SnapshotState": "finished",
            "UUID": "6A0C",
        },
    )
    put(folder / "Manifest.plist", b"")


def idevicebackup2_that_was_stopped(folder: Path) -> None:
    """What Ctrl-C leaves in the middle."""
    idevicebackup2(folder)
    put(folder / "Status.plist", {"SnapshotState": "uploading", "Date": STARTED, "Version": "3.3"})
    put(folder / "Snapshot" / "Manifest.plist", {})


def settled(place: Path) -> None:
    """As it lies an hour later."""
    moment = utc_now().timestamp() - 3600
    for file in place.rglob("*"):
        os.utime(file, (moment, moment))


async def look(tmp_path: Path, *folders: Path) -> list[Fact]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    request = Request(utc_now(), tmp_path / "state", {"folders": [str(folder) for folder in folders]})
    return await Looker(environment={"HOME": str(home)}).look("local-backups", request, 60)


def found(facts: list[Fact], udid: str) -> Any:
    (value,) = (f.value for f in facts if isinstance(f, Observation) and f.subject == phone(udid))
    return value


@pytest.mark.parametrize("udid", [UDID, OLD])
@pytest.mark.parametrize("program", [finder, idevicebackup2, pymobiledevice3])
async def test_a_backup_of_every_program_is_recognised(
    program: Callable[[Path], None], udid: str, tmp_path: Path
) -> None:
    """With the moment at which it ended, not the one at which it began."""
    program(tmp_path / "b" / udid)
    settled(tmp_path / "b")
    facts = await look(tmp_path, tmp_path / "b")
    value = found(facts, udid)
    assert value["finished_at"] == "2026-11-20T02:41:07Z"
    assert (value["complete"], value["encrypted"]) == (True, True)
    assert value["bytes"] > 7000
    assert not any(isinstance(f, Blind) for f in facts)
    assert not any("F2LX9K3QN73H" in str(f) or "Anna" in str(f) for f in facts), "personal data stays in the folder"


@pytest.mark.parametrize("program", [pymobiledevice3_that_died, idevicebackup2_that_was_stopped])
async def test_an_interrupted_run_is_not_a_backup(program: Callable[[Path], None], tmp_path: Path) -> None:
    """Also where the files claim to be finished."""
    program(tmp_path / "b" / UDID)
    settled(tmp_path / "b")
    assert found(await look(tmp_path, tmp_path / "b"), UDID)["state"] == "unfinished"


async def test_a_backup_that_runs_now_is_in_progress(tmp_path: Path) -> None:
    """It counts a few minutes after its last file was written."""
    finder(tmp_path / "b" / UDID)
    assert found(await look(tmp_path, tmp_path / "b"), UDID)["state"] == "in-progress"


async def test_finders_own_place_is_found_without_being_named(tmp_path: Path) -> None:
    """Under the home folder of whoever runs the watch."""
    place = tmp_path / "home" / "Library" / "Application Support" / "MobileSync" / "Backup"
    finder(place / UDID)
    settled(place)
    facts = await look(tmp_path)
    assert found(facts, UDID)["complete"] is True
    assert [f.value for f in facts if isinstance(f, Observation) and f.kind == kinds.LOCAL_BACKUP_PLACES] == [
        [str(place)]
    ]


def as_nobody(request: Request) -> list[Fact]:
    """The facts that a process of another user sees; a real process, since root may look everywhere."""
    from backupwatch.sources import local_backups

    async def all_facts() -> str:
        return "\n".join([to_line(fact) async for fact in local_backups.look(request)])

    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setuid(65534)
            os.write(writing, asyncio.run(all_facts()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as lines:
        facts = [from_line(line) for line in lines]
    os.waitpid(child, 0)
    return facts


def test_a_closed_folder_is_said_to_be_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not being allowed to look is not the same as finding nothing."""
    monkeypatch.setenv("HOME", "/nonexistent")
    place = tmp_path / "b"
    finder(place / UDID)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == place.owner() and len(folder.parts) > 2:
            folder.chmod(0o755)
    place.chmod(0o000)
    facts = as_nobody(Request(utc_now(), Path("/nonexistent"), {"folders": [str(place)]}))
    place.chmod(0o700)
    (blind,) = (f for f in facts if isinstance(f, Blind))
    assert blind.reason is BlindReason.PERMISSION
    assert str(place) in blind.sentence
    assert not any(f.subject == phone(UDID) for f in facts)
