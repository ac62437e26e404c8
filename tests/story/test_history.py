"""``history`` and ``report``: the past from a real memory, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from view_kit import NOW, PHONES, ROOT, configure, phone_read, remembered, storage, utc, watch_account

from backupwatch import paths
from backupwatch.alerts.message import Message
from backupwatch.cli import history, report
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import Observation, phone
from backupwatch.store import Entry, Store, open_store


def told(device: str | None = None, days: int = 30) -> None:
    assert history.run(ROOT, device, days, as_json=False, as_csv=False) == 0


def document(capsys: pytest.CaptureFixture[str], device: str | None = None, days: int = 30) -> dict[str, Any]:
    assert history.run(ROOT, device, days, as_json=True, as_csv=False) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def alert(
    store: Store, name: str, days_ago: float, cause: str | None, state: str = "shown", mark: str = "first"
) -> None:
    message = Message(f"{name}{days_ago}{state}", f"{name}: no backup for 4 days", "…", udid=PHONES[name])
    at = utc(days_ago)
    store.decide({}, [Entry(message, mark, (PHONES[name],), cause, at, at)], (), at)
    if state == "shown":
        store.shown(message.id, "desktop", "dunst 1", {}, at)
    elif state == "withdrawn":
        store.decide({}, (), [message.id], at)


def mended() -> Store:
    """Anna: not backed up for six days because the storage was full, then room was made and a backup came."""
    watch_account()
    store = remembered()
    anna = phone(PHONES["Anna"])
    for made, first, last in ((10.0, 9.9, 9.2), (9.0, 8.9, 3.2), (3.0, 2.9, 0.1)):
        for days in (first, last):
            store.append([
                Observation(anna, kinds.NAME, "Anna", utc(days), "iphone"),
                Observation(anna, kinds.LAST_CLOUD_BACKUP, utc(made).isoformat(), utc(days), "iphone"),
            ])  # fmt: skip
    for used, total, days in ((5.0, 5.0, 9.0), (5.0, 5.0, 3.5), (5.0, 50.0, 3.1), (5.2, 50.0, 0.2)):
        storage(store, used, total, days)
    alert(store, "Anna", 6.0, "icloud-storage-full")
    alert(store, "Anna", 4.0, None, state="withdrawn", mark="reminder")
    return store


def test_it_tells_when_each_backup_was_made_and_when_there_was_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Three backups, one and six days apart; stale in between."""
    mended().close()
    told()
    out = " ".join(capsys.readouterr().out.split())
    assert "3 backups are known; usually 1 day apart, at most 6 days." in out
    assert "- was stale: no backup since" in out
    assert "(6 days)" in out


def test_it_tells_whether_the_named_cause_was_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Room was made, then the backup came: the storage had been the cause."""
    mended().close()
    told()
    out = " ".join(capsys.readouterr().out.split())
    assert "Named cause: icloud-storage-full" in out
    assert "after the iCloud storage grew from 5 to 50 GB: the cause was right." in out
    assert "Taken back before it was shown, because it was no longer true." in out


def test_the_document_holds_the_same_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Backups with their intervals, stale periods, nights, alerts with their outcome, the storage."""
    mended().close()
    found = document(capsys)
    (device,) = found["devices"]
    assert [backup["interval_seconds"] for backup in device["backups"]] == [None, 86_400, 6 * 86_400]
    (period,) = device["stale_periods"]
    assert period["ended_at"] == device["backups"][-1]["at"]
    assert len(device["nights"]["states"]) == 30
    assert sum(device["nights"][kind] for kind in ("backed_up", "missed", "not_seen")) == 30
    shown, withdrawn = found["alerts"]
    assert shown["outcomes"][0]["cause_was_right"] == "yes"
    assert (withdrawn["state"], withdrawn["outcomes"]) == ("withdrawn", [])
    assert found["quota"][-1]["total_bytes"] == 50 * 2**30


def test_only_the_days_that_were_asked_for_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Five days: the backup of three days ago, with its interval to one that is not listed any more."""
    mended().close()
    (device,) = document(capsys, days=5)["devices"]
    assert [backup["interval_seconds"] for backup in device["backups"]] == [6 * 86_400]
    with pytest.raises(BackupwatchError, match="--days"):
        told(days=0)


def test_one_phone_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """With its alerts, without those of the others."""
    store = mended()
    phone_read(store, PHONES["Ben"], "Ben", 5.5)
    alert(store, "Ben", 1.0, None)
    store.close()
    found = document(capsys, "anna")
    assert [device["name"] for device in found["devices"]] == ["Anna"]
    assert {alert_["devices"][0] for alert_ in found["alerts"]} == {PHONES["Anna"]}
    with pytest.raises(BackupwatchError, match="No phone is called"):
        told("bob")


def test_the_table_for_a_spreadsheet_is_in_the_order_of_time_and_runs_no_formula(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A phone may be called like a formula; a spreadsheet must not believe it."""
    store = mended()
    store.append([Observation(phone(PHONES["Anna"]), kinds.NAME, '=HYPERLINK("http://x","Anna")', NOW, "iphone")])
    store.close()
    assert history.run(ROOT, None, 30, as_json=False, as_csv=True) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["time", "event", "device", "udid", "detail", "total_bytes", "used_bytes"]
    assert [row[0] for row in rows[1:]] == sorted(row[0] for row in rows[1:])
    assert {row[1] for row in rows[1:]} == {
        "backup-icloud", "stale-begins", "stale-ends", "alert-first", "alert-reminder", "storage",
    }  # fmt: skip
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert all(len(row) == 7 for row in rows)


def test_nothing_remembered_is_said_and_not_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty place, and an empty memory."""
    told()
    assert "backupwatch check" in capsys.readouterr().out
    open_store(paths.store_file(), NOW).close()
    told()
    assert "No phone was seen in this time." in capsys.readouterr().out
    assert document(capsys)["devices"] == []


def test_the_past_is_drawn_where_the_terminal_can(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pictures of letters at 80 columns, none at 50, and no line is wider than the terminal."""
    mended().close()
    for width, pictures in ((80, 2), (50, 0)):
        monkeypatch.setenv("COLUMNS", str(width))
        told()
        out = capsys.readouterr().out
        assert out.count("┌") == pictures
        assert max(map(len, out.splitlines())) <= width


def test_ten_thousand_alerts_are_counted_and_not_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The last ones are told, the rest is a number; the page stays one that opens."""
    store = mended()
    entries = [
        Entry(Message(f"n{place}", f"Anna: {place}", "…"), "reminder", (PHONES["Anna"],), "no-power", utc(8), utc(8))
        for place in range(10_000)
    ]
    store.decide({}, entries, (), NOW)
    store.close()
    told()
    assert "and 9962 older ones" in capsys.readouterr().out
    page = written(tmp_path / "report.html")
    assert len(page) < 250_000
    assert "9852 older ones" in page


# -- the report -------------------------------------------------------------------------------------------------


def written(place: Path, device: str | None = None, *, force: bool = False) -> str:
    assert report.run(ROOT, place, device, show=False, force=force) == 0
    return place.read_text("utf-8")


def test_the_page_is_for_its_owner_alone_and_says_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It tells of phones and of an account."""
    mended().close()
    place = tmp_path / "report.html"
    page = written(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert str(place) in capsys.readouterr().out
    assert "the cause was right" in page
    assert "iCloud storage" in page


def test_a_file_that_exists_is_only_replaced_on_purpose(tmp_path: Path) -> None:
    """Asked, or told with --force; without a terminal to ask at it is left alone."""
    remembered(Anna=0.5).close()
    place = tmp_path / "mine.html"
    place.write_text("mine", "utf-8")
    with pytest.raises(BackupwatchError, match="exists and was left alone"):
        written(place)
    assert place.read_text("utf-8") == "mine"
    assert written(place, force=True).startswith("<!DOCTYPE html>")
    assert report.run(ROOT, None, None, show=False, force=False) == 0  # the usual place is the program's own
    assert report.run(ROOT, None, None, show=False, force=False) == 0


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    """The page goes where the name leads; no device and no link is put out of the way for it."""
    remembered(Anna=0.5).close()
    target, link, pipe = tmp_path / "kept" / "real.html", tmp_path / "link.html", tmp_path / "pipe"
    target.parent.mkdir()
    target.write_text("old", "utf-8")
    link.symlink_to(target)
    assert written(link, force=True).startswith("<!DOCTYPE html>")
    assert link.is_symlink()
    assert target.read_text("utf-8").startswith("<!DOCTYPE html>")
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    try:
        assert report.run(ROOT, pipe, None, show=False, force=True) == 0
        assert pipe.is_fifo()
        assert reader.communicate(timeout=30)[0].startswith("<!DOCTYPE html>")
    finally:
        reader.kill()
        reader.wait()


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    """Nothing is left behind."""
    remembered(Anna=0.5).close()
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(BackupwatchError, match="cannot be written") as failed:
        written(tmp_path / "file" / "report.html")
    assert "--output" in failed.value.line()
    with pytest.raises(BackupwatchError, match="cannot be written"):
        written(tmp_path / "nowhere" / "report.html")


def test_the_page_can_be_piped(capsys: pytest.CaptureFixture[str]) -> None:
    """--output - writes it to standard output and nothing else there."""
    remembered(Anna=0.5).close()
    assert report.run(ROOT, Path("-"), None, show=False, force=False) == 0
    out = capsys.readouterr().out
    assert out.startswith("<!DOCTYPE html>")
    assert out.endswith("</html>\n")


def test_without_a_memory_the_page_says_so(tmp_path: Path) -> None:
    """An empty store makes a page without a number that nobody measured."""
    page = written(tmp_path / "report.html")
    assert "No iPhone is known yet" in page
    assert "Nothing is remembered yet" in page
    assert "<svg" not in page
    assert " GB" not in page


def test_one_fact_makes_a_page_without_pictures_of_nothing(tmp_path: Path) -> None:
    """A phone of which only the name is known: no curve, no bar, no date."""
    store = open_store(paths.store_file(), NOW)
    store.append([Observation(phone(PHONES["Anna"]), kinds.NAME, "Anna", NOW, "iphone")])
    store.close()
    page = written(tmp_path / "report.html")
    assert "How old the newest backup was" not in page
    assert "backed up:" not in page
    assert "none known" in page


def test_a_button_opens_the_page_at_its_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show steps: the address names the phone, which stands first."""
    import webbrowser

    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or True)
    remembered(Anna=0.5, Mia=9.5).close()
    assert report.run(ROOT, None, PHONES["Anna"], show=True, force=False) == 0
    assert asked[0].startswith("file://")
    assert asked[0].endswith(f"report.html#phone-{PHONES['Anna']}")
    page = (paths.state_dir() / "report.html").read_text("utf-8")
    assert page.index(f'id="phone-{PHONES["Anna"]}"') < page.index(f'id="phone-{PHONES["Mia"]}"')
    monkeypatch.setattr(webbrowser, "open", lambda _address: False)
    with pytest.raises(BackupwatchError, match="No browser"):
        report.run(ROOT, None, None, show=True, force=False)


def test_a_forecast_is_drawn_as_one(tmp_path: Path) -> None:
    """The storage fills by the same amount every day: the line to the day on which it is full is dashed and named."""
    watch_account()
    store = remembered(Anna=0.5)
    for back in range(25, -1, -1):
        storage(store, 4.6 - back * 0.02, 5, back + 0.1)
    store.close()
    page = written(tmp_path / "report.html")
    assert 'class="forecast"' in page
    assert "If it goes on like this, full around" in page
    configure("")
    assert "iCloud storage" not in written(tmp_path / "report.html", force=True)


def test_times_without_readings_are_not_joined_in_the_picture(tmp_path: Path) -> None:
    """Three weeks in which nobody looked are a hole, not a slope."""
    watch_account()
    store = remembered(Anna=0.5)
    for back in (60, 59, 58, 57, 20, 19, 18, 1):
        storage(store, 4 - back / 100, 5, back)
    store.close()
    assert written(tmp_path / "report.html").count('class="layer') >= 2


@pytest.mark.parametrize(("as_json", "as_csv"), [(False, False), (True, False), (False, True)])
def test_a_memory_that_waits_to_be_brought_up_to_date_is_not_called_empty(
    capsys: pytest.CaptureFixture[str], as_json: bool, as_csv: bool
) -> None:
    """After an upgrade, before the daemon has opened it: what is remembered is not denied."""
    remembered(Anna=0.5).close()
    connection = sqlite3.connect(paths.store_file())
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version - 1}")
    connection.close()
    with pytest.raises(BackupwatchError, match="older backupwatch") as error:
        history.run(ROOT, None, 30, as_json=as_json, as_csv=as_csv)
    assert error.value.exit_code == 3
    assert capsys.readouterr().out == ""
