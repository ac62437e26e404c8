"""A folder counts as a backup only when it surely is one."""

from __future__ import annotations

import os
import plistlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts.observation import HOST, Blind, BlindReason, Fact, Observation, phone
from backupwatch.sources import local_backups, local_backups_folder
from backupwatch.sources.local_backups_folder import State, read_backup, size_of, udid_of
from backupwatch.sources.look import Request

UDID = "00008140-001C2D3E4F50001C"
OLD = "8f3c0b9a7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DATE = datetime(2026, 11, 20, 3, 4, 5)  # property lists hold UTC without saying so


def put(file: Path, content: object, age: timedelta = timedelta(days=1)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else plistlib.dumps(content))
    moment = (NOW - age).timestamp()
    os.utime(file, (moment, moment))


def backup(place: Path, udid: str = UDID, *, date: datetime = DATE, name: str = "", **status: Any) -> Path:
    """A finished backup as Finder leaves it."""
    folder = place / (name or udid)
    put(
        folder / "Status.plist",
        {
            "SnapshotState": "finished",
            "Date": date,
            "BackupState": "new",
            "IsFullBackup": False,
            "Version": "3.3",
            "UUID": "X",
        }
        | status,
    )
    put(folder / "Manifest.plist", {"IsEncrypted": True, "Version": "10.0", "Date": date})
    put(folder / "Manifest.db", b"SQLite format 3\0")
    put(folder / "Info.plist", {"Unique Identifier": udid.upper(), "Last Backup Date": date})
    put(folder / "00" / "0000aa", b"x" * 1000)
    return folder


async def looked(state: Path, *folders: Path, now: datetime = NOW) -> list[Fact]:
    request = Request(now, state, {"folders": [str(folder) for folder in folders]})
    return [fact async for fact in local_backups.look(request)]


def of(facts: list[Fact], udid: str = UDID) -> dict[str, Any]:
    found = [f.value for f in facts if isinstance(f, Observation) and f.subject == phone(udid)]
    assert len(found) == 1
    assert isinstance(found[0], dict)
    return found[0]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("APPDATA", raising=False)
    return folder


async def test_a_finished_backup_is_found_with_its_date_size_and_encryption(tmp_path: Path) -> None:
    """When, whether complete, whether encrypted, how big, and where."""
    folder = backup(tmp_path / "backups")
    value = of(await looked(tmp_path, tmp_path / "backups"))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert value == {
        "finished_at": "2026-11-20T03:04:05Z",
        "complete": True,
        "state": "finished",
        "encrypted": True,
        "bytes": size,
        "folder": str(folder),
    }


@pytest.mark.parametrize(
    "place",
    [
        "Library/Application Support/MobileSync/Backup",
        "AppData/Roaming/Apple Computer/MobileSync/Backup",
        "Apple/MobileSync/Backup",
    ],
)
async def test_the_usual_places_need_no_configuration(tmp_path: Path, home: Path, place: str) -> None:
    """Finder's, iTunes' and Apple Devices' folders are known."""
    backup(home / place)
    facts = await looked(tmp_path)
    assert of(facts)["complete"] is True
    assert [f.value for f in facts if f.subject == HOST] == [[str(home / place)]]


async def test_a_computer_without_backups_is_no_trouble(tmp_path: Path) -> None:
    """Nobody is told about folders that were never there."""
    assert [f.value for f in await looked(tmp_path) if isinstance(f, Observation)] == [[]]
    assert not any(isinstance(f, Blind) for f in await looked(tmp_path))


BREAKAGES: dict[str, Any] = {
    "still uploading": lambda f: put(f / "Status.plist", {"SnapshotState": "uploading", "Date": DATE}),
    "still moving": lambda f: put(f / "Status.plist", {"SnapshotState": "moving", "Date": DATE}),
    "no status": lambda f: (f / "Status.plist").unlink(),
    "empty status": lambda f: put(f / "Status.plist", b""),
    "a manifest of no bytes, as pymobiledevice3 starts with": lambda f: put(f / "Manifest.plist", b""),
    "an empty manifest": lambda f: put(f / "Manifest.plist", {}),
    "no manifest": lambda f: (f / "Manifest.plist").unlink(),
    "no database": lambda f: (f / "Manifest.db").unlink(),
    "an empty database": lambda f: put(f / "Manifest.db", b""),
    "a snapshot left behind": lambda f: (f / "Snapshot").mkdir(),
    "no info": lambda f: (f / "Info.plist").unlink(),
    "an info half rewritten": lambda f: put(f / "Info.plist", b""),
    "another phone's info": lambda f: put(f / "Info.plist", {"Unique Identifier": OLD}),
    "a status that is a list": lambda f: put(f / "Status.plist", ["SnapshotState", "finished"]),
    "a status with numbers for words": lambda f: put(f / "Status.plist", {"SnapshotState": 7, "Date": "yesterday"}),
    "a huge status": lambda f: put(f / "Status.plist", {"SnapshotState": "finished", "x": "x" * 100_000}),
    "binary garbage": lambda f: put(f / "Status.plist", b"bplist00" + bytes(range(256))),
    "a billion laughs": lambda f: put(f / "Status.plist", b'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><plist version="1.0"><dict><key>SnapshotState</key><string>&b;</string></dict></plist>'),
    "nested without end": lambda f: put(f / "Status.plist", b'<plist version="1.0">' + b"<array>" * 8000),
    "a pipe": lambda f: ((f / "Status.plist").unlink(), os.mkfifo(f / "Status.plist")),
    "a folder for a file": lambda f: ((f / "Status.plist").unlink(), (f / "Status.plist").mkdir()),
    "a link to itself": lambda f: ((f / "Status.plist").unlink(), (f / "Status.plist").symlink_to("Status.plist")),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKAGES)
async def test_an_interrupted_or_damaged_backup_does_not_count(tmp_path: Path, what: str) -> None:
    """Whatever is missing, half written or hostile: the backup is said to be unfinished, and nothing breaks."""
    folder = backup(tmp_path / "b")
    BREAKAGES[what](folder)
    for file in folder.iterdir():
        if file.is_dir() or file.is_fifo():
            os.utime(file, ((NOW - timedelta(days=1)).timestamp(),) * 2)
    value = of(await looked(tmp_path, tmp_path / "b"))
    assert (value["complete"], value["state"]) == (False, "unfinished")


@pytest.mark.parametrize("name", ["Status.plist", "Manifest.db", "Info.plist"])
async def test_a_backup_written_a_minute_ago_is_in_progress(tmp_path: Path, name: str) -> None:
    """Finder goes on writing for minutes after "finished"; only then does it count."""
    folder = backup(tmp_path / "b")
    moment = (NOW - timedelta(minutes=4)).timestamp()
    os.utime(folder / name, (moment, moment))
    value = of(await looked(tmp_path, tmp_path / "b"))
    assert (value["complete"], value["state"], value["bytes"]) == (False, "in-progress", None)
    assert of(await looked(tmp_path, tmp_path / "b", now=NOW + timedelta(minutes=2)))["complete"] is True


async def test_the_newest_finished_backup_speaks_for_a_phone(tmp_path: Path) -> None:
    """An archived copy that is whole counts for more than a newer attempt that is not, wherever they lie."""
    backup(tmp_path / "b", date=datetime(2026, 11, 1), name=f"{UDID}-20261101-030405")
    backup(tmp_path / "c", date=datetime(2026, 11, 10))
    backup(tmp_path / "d", date=datetime(2026, 11, 21), SnapshotState="uploading")
    backup(tmp_path / "b", OLD)
    facts = await looked(tmp_path, tmp_path / "b", tmp_path / "c", tmp_path / "d")
    assert of(facts)["finished_at"] == "2026-11-10T00:00:00Z"
    assert of(facts, OLD)["complete"] is True


@pytest.mark.parametrize(
    ("status", "manifest", "info", "expected"),
    [
        (DATE, None, None, DATE),
        (datetime(1970, 1, 1), DATE, None, DATE),
        (datetime(2040, 1, 1), None, DATE, DATE),
        (None, None, None, None),
        ("soon", 12, b"x", None),
    ],
)
async def test_a_date_is_believed_only_when_it_can_be_one(
    tmp_path: Path, status: Any, manifest: Any, info: Any, expected: datetime | None
) -> None:
    """Dates of the future or from before the first phone give way to the next best one, or to none."""
    folder = backup(tmp_path / "b")

    def dated(**rest: Any) -> dict[str, Any]:
        return {key: value for key, value in rest.items() if value is not None}

    put(folder / "Status.plist", {"SnapshotState": "finished"} | dated(Date=status))
    put(folder / "Manifest.plist", {"IsEncrypted": False} | dated(Date=manifest))
    put(
        folder / "Info.plist",
        {"Unique Identifier": UDID} | {"Last Backup Date": info} if info else {"Unique Identifier": UDID},
    )
    value = of(await looked(tmp_path, tmp_path / "b"))
    assert value["finished_at"] == (expected.isoformat() + "Z" if expected else None)
    assert value["encrypted"] is False


async def test_a_detached_disk_is_not_a_deleted_backup(tmp_path: Path) -> None:
    """A link that leads nowhere, and a named folder that is gone, are said to be out of reach."""
    place = tmp_path / "b"
    place.mkdir()
    (place / UDID).symlink_to(tmp_path / "disk" / UDID)
    facts = await looked(tmp_path, place, tmp_path / "gone")
    blinds = {f.subject: f for f in facts if isinstance(f, Blind)}
    assert {b.reason for b in blinds.values()} == {BlindReason.GONE}
    assert set(blinds) == {HOST, phone(UDID)}
    assert all("disk is not attached" in b.sentence for b in blinds.values())
    assert not any(isinstance(f, Observation) and f.subject == phone(UDID) for f in facts)
    backup(tmp_path / "disk")
    assert of(await looked(tmp_path, place))["complete"] is True


async def test_a_moved_backup_folder_behind_a_dead_link_is_noticed(tmp_path: Path, home: Path) -> None:
    """Finder's own folder, moved to a disk that is not attached."""
    sync = home / "Library/Application Support/MobileSync"
    sync.mkdir(parents=True)
    (sync / "Backup").symlink_to("/nowhere/Backup")
    assert [f.reason for f in await looked(tmp_path) if isinstance(f, Blind)] == [BlindReason.GONE]


async def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """A loop of links is out of reach, and costs nothing else."""
    place = tmp_path / "b"
    place.mkdir()
    (place / OLD).symlink_to(OLD)
    folder = backup(place)
    (folder / "loop").symlink_to(place)
    facts = await looked(tmp_path, place, place, tmp_path)
    assert of(facts)["complete"] is True
    assert next(f.subject for f in facts if isinstance(f, Blind)) == phone(OLD)


async def test_a_folder_may_be_named_at_any_level(tmp_path: Path) -> None:
    """The phone's folder itself, the folder above, or the disk that holds iMazing's."""
    folder = backup(tmp_path / "disk" / "iMazing.Backups")
    backup(tmp_path / "disk" / "iMazing.Backups" / "iMazing.Versions", OLD)
    for place in (folder, folder.parent, tmp_path / "disk"):
        facts = await looked(tmp_path, place)
        assert of(facts)["folder"] == str(folder)
        assert not any(f.subject == phone(OLD) for f in facts)


async def test_missing_full_disk_access_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS answers "operation not permitted"; the person learns which right is missing."""

    def refused(_folder: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "scandir", refused)  # only macOS does this, and it is not here
    monkeypatch.setattr(local_backups.sys, "platform", "darwin")
    blinds = [f for f in await looked(tmp_path) if isinstance(f, Blind)]
    assert {b.reason for b in blinds} == {BlindReason.PERMISSION}
    assert "Full Disk Access" in blinds[0].sentence


async def test_sizes_are_counted_again_only_when_a_backup_changed(tmp_path: Path) -> None:
    """A backup of half a million files is not walked at every look."""
    folder = backup(tmp_path / "b")
    first = of(await looked(tmp_path, tmp_path / "b"))["bytes"]
    put(folder / "01" / "0100aa", b"y" * 5000)
    assert of(await looked(tmp_path, tmp_path / "b"))["bytes"] == first
    put(folder / "Status.plist", {"SnapshotState": "finished", "Date": DATE, "UUID": "another"})
    again = of(await looked(tmp_path, tmp_path / "b"))["bytes"]
    assert again == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    (tmp_path / "cache" / "local-backup-sizes.json").write_text('{"x": [')
    assert of(await looked(tmp_path, tmp_path / "b"))["bytes"] == again


async def test_many_new_backups_are_counted_over_several_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shelf of large backups does not make the look miss its deadline: the rest gets its size next time."""
    backup(tmp_path / "b")
    monkeypatch.setattr(local_backups, "COUNTING_S", -1.0)
    assert of(await looked(tmp_path, tmp_path / "b"))["bytes"] is None
    monkeypatch.setattr(local_backups, "COUNTING_S", 30.0)
    assert of(await looked(tmp_path, tmp_path / "b"))["bytes"] > 1000


def test_a_backup_too_large_to_count_has_no_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No size is better than minutes of reading."""
    folder = backup(tmp_path / "b")
    monkeypatch.setattr(local_backups_folder, "MAX_FILES", 3)
    assert size_of(folder) is None


@given(st.text(max_size=60))
def test_only_a_udid_names_a_backup_folder(name: str) -> None:
    """Other folders are nobody's backup."""
    udid = udid_of(name)
    assert udid is None or len(udid) in {40, 25}


def test_both_spellings_of_a_udid_are_one_phone() -> None:
    """Folders spelled in either case, dated or not, belong to the phone as it spells itself."""
    assert udid_of(UDID.lower()) == udid_of(UDID + "-20261101-030405") == UDID
    assert udid_of(OLD.upper()) == OLD
    assert udid_of("iMazing.Versions") is None


plists = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text()
    | st.binary()
    | st.floats()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(
    contents=st.lists(
        st.binary(max_size=200)
        | st.dictionaries(st.sampled_from(["SnapshotState", "Date", "IsEncrypted", "Unique Identifier"]), plists),
        min_size=4,
        max_size=4,
    )
)
def test_no_content_of_the_files_breaks_the_reading(
    contents: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Garbage is an unfinished backup or none, never a crash and never a backup."""
    folder = tmp_path_factory.mktemp("x") / UDID
    for name, content in zip(("Status.plist", "Manifest.plist", "Manifest.db", "Info.plist"), contents, strict=True):
        try:
            put(folder / name, content)
        except (TypeError, ValueError, OverflowError):  # what no property list can hold
            put(folder / name, b"\0")
    found = read_backup(folder, NOW)
    assert found is not None
    finished = isinstance(contents[0], dict) and contents[0].get("SnapshotState") == "finished"
    assert found.state is State.UNFINISHED or finished
