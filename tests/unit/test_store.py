"""The memory: facts as intervals, alerts with their outbox, and files that are broken, full, newer or read-only."""

from __future__ import annotations

import os
import sqlite3
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backupwatch.alerts.message import Message
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import HOST, Blind, BlindReason, Observation, from_line, phone, to_line
from backupwatch.store import Entry, Store, open_store, read_store

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)
A = phone("A")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "watch.sqlite3", NOW)


def fact(kind: str, value: object, at: datetime, source: str = "iphone") -> Observation:
    return Observation(A, kind, value, at, source)  # type: ignore[arg-type]


def entry(ident: str = "m1", created: datetime = NOW) -> Entry:
    return Entry(Message(ident, "title", "body", thread="phone:A"), "first", ("A",), "no-power", created, created)


def test_a_fact_that_repeats_extends_its_interval(store: Store) -> None:
    for hours in range(10):
        store.append([fact(kinds.OS_VERSION, "26.1", NOW + hours * HOUR)])
    (span,) = store.snapshot(NOW + 10 * HOUR).phones["A"].spans(kinds.OS_VERSION)
    assert (span.first_at, span.last_at, span.samples) == (NOW, NOW + 9 * HOUR, 10)


def test_a_sighting_says_nothing_about_the_hours_in_which_nobody_looked(store: Store) -> None:
    for hours in (0, 1, 9, 10):
        store.append([fact(kinds.ON_POWER, True, NOW + hours * HOUR)])
    spans = store.snapshot(NOW + 10 * HOUR).phones["A"].spans(kinds.ON_POWER)
    assert [(span.first_at, span.last_at) for span in spans] == [
        (NOW, NOW + HOUR),
        (NOW + 9 * HOUR, NOW + 10 * HOUR),
    ]


def test_a_log_line_heard_twice_is_kept_once(store: Store) -> None:
    line = {"at": "2026-11-22T02:00:00Z", "what": "failure", "code": 303}
    store.append([fact(kinds.LOG, line, NOW)])
    store.append([fact(kinds.LOG, line, NOW + HOUR), fact(kinds.LOG, {"at": "nonsense"}, NOW)])
    assert len(list(store.snapshot(NOW).phones["A"].events(kinds.LOG))) == 1


def test_blindness_ends_when_the_same_source_sees_the_phone_again(store: Store) -> None:
    store.append([Blind(A, "iphone", BlindReason.TIMEOUT, "No answer", NOW)])
    store.append([Blind(A, "iphone:log", BlindReason.UNSUPPORTED, "No log", NOW)])
    store.append([Blind(A, "iphone", BlindReason.GONE, "It went away", NOW + HOUR)])
    blind = store.snapshot(NOW).phones["A"].blind("iphone")
    assert blind is not None
    assert (blind.reason, blind.since) == (BlindReason.GONE, NOW)
    again = Blind(A, "iphone:log", BlindReason.UNSUPPORTED, "No log", NOW + 2 * HOUR)
    store.append([fact(kinds.NAME, "Anna", NOW + 2 * HOUR), again])
    assert [blind.look for blind in store.snapshot(NOW).phones["A"].blinds] == ["iphone:log"]


def test_what_the_account_says_of_a_phone_is_no_sighting_of_it(store: Store) -> None:
    store.append([fact(kinds.FIND_MY_BATTERY, 80, NOW, "icloud")])
    assert store.snapshot(NOW).phones["A"].last_seen is None


def test_a_message_waits_until_its_time_and_is_shown_once(store: Store) -> None:
    later = Entry(entry().message, "first", ("A",), None, NOW, NOW + HOUR)
    store.decide({"phone:A": {"since": None}}, [later], [], NOW)
    assert store.due(NOW) == []
    (due,) = store.due(NOW + HOUR)
    store.shown(due.message.id, "desktop", "dunst took it", {"phone:A": None}, NOW + HOUR)
    assert store.due(NOW + 5 * HOUR) == []
    assert store.memories() == {}
    store.decide({}, [later], [], NOW + 6 * HOUR)  # decided again after a crash: it was shown already
    assert store.due(NOW + 7 * HOUR) == []


def test_a_message_that_cannot_be_shown_is_tried_again_less_and_less_often(store: Store) -> None:
    store.decide({}, [entry()], [], NOW)
    at, waits = NOW, []
    for _ in range(12):
        (due,) = store.due(at)
        store.later(due.message.id, "no desktop", at)
        upcoming = store.next_try()
        assert upcoming is not None
        waits.append((upcoming - at).total_seconds())
        at = upcoming
    assert waits[:3] == [30, 60, 120]
    assert waits[-1] == 600
    store.retry_at_once(NOW)
    assert len(store.due(NOW)) == 1


def test_a_withdrawn_message_is_not_shown_and_returns_when_it_is_true_again(store: Store) -> None:
    store.decide({}, [entry()], [], NOW)
    store.decide({}, [], ["m1"], NOW)
    assert store.due(NOW) == []
    store.decide({}, [entry()], [], NOW + HOUR)
    assert len(store.due(NOW + HOUR)) == 1


def test_what_waits_is_not_put_off_to_the_day_of_a_clock_that_was_ahead(store: Store) -> None:
    """The clock ran a year ahead while the desktop was away, and is right again."""
    ahead = NOW + 365 * 24 * HOUR
    store.decide({}, [entry(created=ahead)], [], ahead)
    store.later("m1", "no desktop", ahead)
    store.decide({}, [entry()], [], NOW)
    assert len(store.due(NOW + HOUR)) == 1
    store.retry_at_once(NOW)
    assert len(store.due(NOW)) == 1


def test_a_snooze_has_an_end(store: Store) -> None:
    store.snooze("A", NOW + HOUR, NOW)
    assert store.snoozes(NOW) == {"A": NOW + HOUR}
    assert store.snoozes(NOW + HOUR) == {}
    assert store.unsnooze("A")
    assert not store.unsnooze("A")


def test_only_the_owner_may_read_the_memory(store: Store) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["header", "middle", "text", "empty-table"])
def test_a_damaged_file_is_moved_aside_and_the_watch_goes_on(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "watch.sqlite3"
    store = open_store(path, NOW)
    for hours in range(200):
        store.append([fact(kinds.QUOTA, {"used_bytes": hours}, NOW + hours * HOUR)])
    store.close()
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:16] = b"not a database!!"
    elif damage == "middle":
        content[4096 * 3 : 4096 * 5] = os.urandom(4096 * 2)
    elif damage == "text":
        content = bytearray(b"hello\n" * 1000)
    else:
        content[100:200] = bytes(100)
    path.write_bytes(bytes(content))
    said: list[str] = []
    again = open_store(path, NOW, said.append)
    again.append([fact(kinds.NAME, "Anna", NOW)])
    assert said
    assert "damaged" in said[0]
    assert list(tmp_path.glob("watch.sqlite3.damaged-*"))
    assert again.snapshot(NOW).phones["A"].text(kinds.NAME)


def test_of_a_table_damaged_in_its_middle_both_ends_are_saved(tmp_path: Path) -> None:
    """The newest backup's date stands at the end."""
    store = open_store(tmp_path / "watch.sqlite3", NOW)
    store.append([fact(kinds.NAME, f"x{number}" * 50, NOW + timedelta(seconds=number)) for number in range(3000)])
    store.append([fact(kinds.LAST_CLOUD_BACKUP, "2026-11-09T02:00:00Z", NOW)])
    store.close()
    content = bytearray(store.path.read_bytes())
    middle = len(content) // 4096 // 2 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    store.path.write_bytes(bytes(content))
    again = open_store(store.path, NOW)
    assert again.snapshot(NOW).phones["A"].moment(kinds.LAST_CLOUD_BACKUP)


def test_a_file_from_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "watch.sqlite3"
    open_store(path, NOW).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(BackupwatchError, match="newer backupwatch"):
        open_store(path, NOW)
    assert path.read_bytes() == before


def test_a_folder_in_the_files_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "watch.sqlite3").mkdir()
    with pytest.raises(BackupwatchError, match="cannot be used"):
        open_store(tmp_path / "watch.sqlite3", NOW)


def test_a_store_that_somebody_else_holds_is_one_clear_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store._db.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(BackupwatchError, match="locked"):
        store.append([fact(kinds.NAME, "Anna", NOW)])
    other.execute("ROLLBACK")
    store.append([fact(kinds.NAME, "Anna", NOW)])


def test_a_transaction_that_fails_in_the_middle_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(TypeError):
        store.append([fact(kinds.NAME, "Anna", NOW), fact(kinds.MODEL, object(), NOW)])
    assert store.snapshot(NOW).phones == {}


def test_a_reader_sees_what_the_writer_wrote_and_nothing_where_there_is_nothing(store: Store, tmp_path: Path) -> None:
    store.append([fact(kinds.NAME, "Anna", NOW)])
    reader = read_store(store.path)
    assert reader is not None
    assert "A" in reader.snapshot(NOW).phones
    assert read_store(tmp_path / "nowhere.sqlite3") is None


def test_old_sightings_are_forgotten_but_the_history_of_backups_stays(store: Store) -> None:
    old = NOW - timedelta(days=1000)
    store.append([fact(kinds.ON_POWER, True, old), fact(kinds.LAST_CLOUD_BACKUP, "2024-02-01T02:00:00Z", old)])
    store.append([fact(kinds.ON_POWER, False, NOW)])
    store.prune(NOW)
    assert len(store.history(A, kinds.ON_POWER, old)) == 1
    assert len(store.history(A, kinds.LAST_CLOUD_BACKUP, old)) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(json_values, st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))
def test_any_fact_survives_the_way_between_processes(value: object, at: datetime) -> None:
    there = fact("any", value, at)
    assert from_line(to_line(there)) == there


@given(st.binary(max_size=200))
def test_no_line_from_a_worker_can_do_more_than_be_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - a broken line is always refused with it
        from_line(line)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 500), st.booleans()), min_size=1, max_size=30))
def test_looks_in_any_order_never_break_the_snapshot(tmp_path: Path, looks: list[tuple[int, bool]]) -> None:
    store = open_store(tmp_path / f"{abs(hash(tuple(looks)))}.sqlite3", NOW)
    for minutes, value in looks:
        store.append([fact(kinds.ON_POWER, value, NOW + timedelta(minutes=minutes))])
    spans = store.snapshot(NOW + timedelta(minutes=500)).phones["A"].spans(kinds.ON_POWER)
    assert all(span.first_at <= span.last_at for span in spans)
    newest = max(minutes for minutes, _ in looks)
    assert max(span.last_at for span in spans) == NOW + timedelta(minutes=newest)
    store.close()


def test_what_a_wrong_clock_left_behind_loses_to_every_later_look(store: Store) -> None:
    """A computer that woke up a year ahead of time, looked, and was then set right."""
    store.append([fact(kinds.OS_VERSION, "26.0", NOW - HOUR)])
    store.append([fact(kinds.OS_VERSION, "26.1", NOW + timedelta(days=365))])
    for hours in range(3):
        store.append([fact(kinds.OS_VERSION, "26.2", NOW + hours * HOUR)])
    view = store.snapshot(NOW + 3 * HOUR).phones["A"]
    version = view.text(kinds.OS_VERSION)
    assert version is not None
    assert (version.value, version.last_at) == ("26.2", NOW + 2 * HOUR)
    assert len(view.spans(kinds.OS_VERSION)) == 3
    assert view.last_seen == NOW + 2 * HOUR


def test_a_snooze_made_by_a_wrong_clock_lasts_no_longer_than_was_meant(store: Store) -> None:
    store.snooze("A", NOW + timedelta(days=366), NOW + timedelta(days=365))
    assert store.snoozes(NOW) == {"A": NOW + timedelta(days=1)}


def test_a_message_that_failed_before_the_quiet_hours_is_not_tried_during_them(store: Store) -> None:
    store.decide({}, [entry()], [], NOW)
    store.later("m1", "nobody is logged in", NOW)
    morning = NOW + 9 * HOUR
    store.decide({}, [replace(entry(), not_before=morning)], [], NOW + timedelta(seconds=10))
    assert store.due(NOW + HOUR) == []
    assert [waiting.message.id for waiting in store.due(morning)] == ["m1"]


def test_a_message_that_failed_for_good_gets_another_chance_after_a_restart(store: Store) -> None:
    store.decide({}, [entry()], [], NOW)
    store.failed("m1", "no such program", NOW)
    assert store.due(NOW + HOUR) == []
    store.retry_at_once(NOW + HOUR)
    assert [waiting.message.id for waiting in store.due(NOW + HOUR)] == ["m1"]


def test_a_garbled_row_does_not_hold_up_the_other_messages(store: Store) -> None:
    store.decide({"phone:A": {}}, [entry("bad"), entry("good")], [], NOW)
    other = sqlite3.connect(store.path)
    other.execute("UPDATE outbox SET message = '{' WHERE id = 'bad'")
    other.execute("INSERT INTO alert VALUES ('phone:B', '[')")
    other.commit()
    other.close()
    assert [waiting.message.id for waiting in store.due(NOW)] == ["good"]
    assert list(store.memories()) == ["phone:A"]


def test_the_host_is_blind_until_usbmuxd_answers(store: Store) -> None:
    store.append([Blind(HOST, "iphone", BlindReason.NO_USBMUXD, "usbmuxd is not running", NOW)])
    assert store.blind_since(HOST, "iphone") == NOW
    store.append([Observation(HOST, kinds.USBMUXD, "ok", NOW + HOUR, "iphone")])
    assert store.blind_since(HOST, "iphone") is None
