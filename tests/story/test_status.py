"""``status``: what the watcher knows already, at a glance and for programs; it looks at nothing."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from view_kit import DAY, NOW, PHONES, ROOT, configure, phone_read, remembered, storage, watch_account

from backupwatch import paths
from backupwatch.cli import status
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import Observation, phone
from backupwatch.store import open_store


def code(*wanted: str) -> int:
    return status.run(ROOT, list(wanted), as_json=False, as_prose=False, stay=False)


def document(capsys: pytest.CaptureFixture[str], *wanted: str) -> tuple[int, dict[str, Any]]:
    answer = status.run(ROOT, list(wanted), as_json=True, as_prose=False, stay=False)
    return answer, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("ages", "answer"),
    [
        ({"Anna": 0.5}, 0),
        ({"Anna": 0.5, "Ben": 4.5}, 1),
        ({"Anna": 0.5, "Ben": 4.5, "Mia": 9.5}, 2),
        ({"Anna": None}, 2),
    ],
)
def test_the_exit_code_is_the_worst_state(
    ages: dict[str, float | None], answer: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 fresh, 1 stale, 2 overdue or never: as monitoring plug-ins answer."""
    remembered(**ages).close()
    assert code() == answer
    assert ("no recent backup" in capsys.readouterr().out) is (answer > 0)


def test_only_the_phones_that_were_asked_for_count(capsys: pytest.CaptureFixture[str]) -> None:
    """By name or the beginning of a UDID."""
    remembered(Anna=0.5, Mia=9.5).close()
    assert code("anna") == 0
    assert code("00008110") == 2
    assert "Anna" not in capsys.readouterr().out.split("\n\n")[-1]
    with pytest.raises(BackupwatchError, match="No phone is called") as failed:
        code("bob")
    assert failed.value.exit_code == 2


def test_nothing_is_looked_at_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """The memory is the same, byte for byte, and no folder was made."""
    remembered(Anna=0.5).close()
    before = hashlib.sha256(paths.store_file().read_bytes()).hexdigest()
    code()
    assert hashlib.sha256(paths.store_file().read_bytes()).hexdigest() == before
    assert {each.name for each in paths.state_dir().iterdir()} <= {"watch.sqlite3", "watch.sqlite3-wal", "watch.sqlite3-shm"}  # fmt: skip


def test_without_a_memory_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was ever looked at: exit code 3, and a command to begin with."""
    assert code() == 3
    out = capsys.readouterr().out
    assert "Nothing is remembered yet" in out
    assert "backupwatch check" in out
    answer, found = document(capsys)
    assert (answer, found["state"], found["devices"]) == (3, "unknown", [])
    assert not paths.state_dir().exists()


def test_a_memory_that_an_older_version_wrote_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Or one from the middle of a migration: no number is read from tables that may not be there yet."""
    paths.state_dir().mkdir()
    db = sqlite3.connect(paths.store_file())
    db.execute("CREATE TABLE subject (id INTEGER PRIMARY KEY)")
    db.commit()
    db.close()
    assert code() == 3
    assert "older backupwatch" in capsys.readouterr().out


def test_a_damaged_memory_is_told_in_one_line() -> None:
    """No traceback, no number."""
    paths.state_dir().mkdir()
    paths.store_file().write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    with pytest.raises(BackupwatchError, match="memory file"):
        code()


def test_an_empty_memory_and_one_fact_are_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """A store without a phone, and a phone of which only its name is known."""
    store = open_store(paths.store_file(), NOW)
    assert code() == 3
    assert "No iPhone is known yet" in capsys.readouterr().out
    store.append([Observation(phone(PHONES["Anna"]), kinds.NAME, "Anna", NOW, "iphone")])
    store.close()
    assert code() == 3
    out = capsys.readouterr().out
    assert "none known" in out
    assert "backed up." not in out.splitlines()[0]


def test_the_document_says_what_the_contract_promises(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON document, with the phones, the account, Apple and the watcher."""
    watch_account()
    store = remembered(Anna=9.5)
    storage(store, 4.6, 5, 0.2)
    store.snooze(PHONES["Anna"], NOW + DAY, NOW)
    store.close()
    answer, found = document(capsys)
    assert (answer, found["schema"], found["state"]) == (2, 1, "overdue")
    (device,) = found["devices"]
    assert (device["name"], device["udid"], device["last_local_backup"]) == ("Anna", PHONES["Anna"], None)
    assert device["snoozed_until"] is not None
    assert device["age_seconds"] > 9 * 86_400
    every = [each["id"] for part in ("causes", "ruled_out", "not_checked") for each in device[part]]
    assert len(every) == len(set(every)) == 18
    assert found["account"]["quota"]["total_bytes"] == 5 * 2**30
    assert found["watcher"]["daemon"] == "stopped"
    assert found["watcher"]["last_poll_at"].endswith("Z")


def test_a_phone_that_was_renamed_has_its_new_name_and_its_whole_past(capsys: pytest.CaptureFixture[str]) -> None:
    """And the name that the person gave it wins over both."""
    store = remembered(Anna=0.5)
    store.append([Observation(phone(PHONES["Anna"]), kinds.NAME, "Annas neues", NOW, "iphone")])
    store.close()
    code()
    assert "Annas neues" in capsys.readouterr().out
    configure(f'[[device]]\nudid = "{PHONES["Anna"]}"\nname = "My phone"\n')
    code()
    out = capsys.readouterr().out
    assert "My phone" in out
    assert "■■■" in out


def test_a_clock_that_jumped_invents_no_backup(capsys: pytest.CaptureFixture[str]) -> None:
    """Looks noted in a future that never came: nothing is younger than now."""
    store = remembered()
    phone_read(store, PHONES["Anna"], "Anna", 9.5)
    ahead = NOW + 300 * DAY
    store.append([Observation(phone(PHONES["Anna"]), kinds.CONNECTION, "usb", ahead, "iphone")])
    store.looked("iphone", ahead, saw=True)
    store.close()
    assert code() == 2
    out = capsys.readouterr().out
    assert "9 days ago" in out
    assert "last look in the future" in out


def test_a_configuration_that_changed_counts_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What is kept of the configuration for speed never outlives its file."""
    remembered(Anna=4.5).close()
    configure('[freshness]\nstale_after = "6d"\n')
    assert [code(), code()] == [0, 0]
    configure('[freshness]\nstale_after = "36h"\n')
    assert [code(), code()] == [1, 1]
    configure("")
    assert code() == 1
    configure("[freshness]\nstale_after = 3\n")
    with pytest.raises(BackupwatchError):
        code()


def test_a_read_only_state_folder_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """The watcher of another account, or a disk that went read-only."""
    remembered(Anna=0.5).close()
    configure('[freshness]\nstale_after = "6d"\n')
    paths.state_dir().chmod(0o500)
    try:
        assert code() == 0
    finally:
        paths.state_dir().chmod(0o700)


def test_watching_needs_a_terminal() -> None:
    """Into a file or as JSON there is nothing to refresh in place."""
    with pytest.raises(BackupwatchError, match="--watch"):
        status.run(ROOT, [], as_json=False, as_prose=False, stay=True)


def test_the_sentences_name_every_phone(capsys: pytest.CaptureFixture[str]) -> None:
    """For a screen reader: no columns."""
    remembered(Anna=0.5, Mia=9.5).close()
    status.run(ROOT, [], as_json=False, as_prose=True, stay=False)
    out = capsys.readouterr().out
    assert "Mia: overdue." in out
    assert "Anna: fresh." in out


def test_watching_refreshes_in_place_until_ctrl_c() -> None:
    """On a real terminal: what changes in the memory appears, Ctrl-C ends with the exit code of the last look."""
    remembered(Anna=9.5).close()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "backupwatch", "status", "--watch"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "40"}
    program = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    try:
        read_until(ours, "Ctrl-C ends this")
        store = open_store(paths.store_file(), NOW, thorough=False)
        store.snooze(PHONES["Anna"], NOW + DAY, NOW)
        store.close()
        read_until(ours, "snoozed until")
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 2
    finally:
        program.kill()
        program.wait()
        os.close(ours)


def read_until(terminal: int, words: str) -> None:
    said, end = b"", time.monotonic() + 30
    while words.encode() not in said:
        assert time.monotonic() < end, said[-500:]
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 65_536)


def test_a_person_with_a_narrow_terminal_loses_no_phone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 40 columns every phone still has its state."""
    monkeypatch.setenv("COLUMNS", "40")
    remembered(Anna=0.5, Ben=4.5, Mia=9.5).close()
    code()
    out = capsys.readouterr().out
    assert all(word in out for word in ("Anna  fresh", "Ben  STALE", "Mia  OVERDUE"))


def test_a_daemon_that_runs_tells_since_when_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    """Its own line."""
    from backupwatch import clock, control

    store = remembered(Anna=0.5)
    store.set_meta("started_at", clock.rfc3339(NOW - timedelta(days=3)))
    store.close()
    lock = control.acquire()
    try:
        code()
    finally:
        lock.release()
    out = " ".join(capsys.readouterr().out.split())
    assert "Watching since" in out
    assert "next look about" in out
    assert Path(paths.state_dir() / "daemon.lock").exists()
