"""Entries in the journal: searchable by field, and impossible to forge from inside a value."""

from __future__ import annotations

import io
import logging
import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.service import journal


def parsed(packet: bytes) -> dict[str, str]:
    """What journald makes of a datagram."""
    fields, rest = {}, packet
    while rest:
        line, _, after = rest.partition(b"\n")
        name, sign, value = line.partition(b"=")
        if sign:
            rest = after
        else:
            size = int.from_bytes(after[:8], "little")
            value, rest = after[8 : 8 + size], after[8 + size + 1 :]
        fields[name.decode()] = value.decode()
    return fields


def test_an_entry_reads_well_and_can_be_searched_by_field() -> None:
    """journalctl shows a sentence; BACKUPWATCH_SOURCE=iphone finds it."""
    fields = parsed(
        journal.datagram(
            {"event": "looked", "source": "iphone", "saw": False, "level": "warning", "logger": "backupwatch.round"}
        )
    )
    assert fields == {
        "MESSAGE": "looked source=iphone saw=false",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "backupwatch",
        "BACKUPWATCH_SOURCE": "iphone",
        "BACKUPWATCH_SAW": "false",
        "BACKUPWATCH_LOGGER": "backupwatch.round",
    }


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=60) | st.integers() | st.none(), max_size=5))
def test_no_value_can_smuggle_a_field(values: dict[str, object]) -> None:
    """Whatever a phone is called, the entry has our fields and no other."""
    fields = parsed(journal.datagram({**values, "event": "x", "level": "info"}))
    assert all(
        name in {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"} or name.startswith("BACKUPWATCH_") for name in fields
    )
    assert fields["PRIORITY"] == "6"
    assert fields["SYSLOG_IDENTIFIER"] == "backupwatch"


def test_a_traceback_is_one_entry() -> None:
    """Its lines do not fall apart."""
    fields = parsed(journal.datagram({"event": "failed", "level": "error", "exception": "line one\nline two"}))
    assert fields["MESSAGE"] == "failed\nline one\nline two"


def record(words: str) -> logging.LogRecord:
    return logging.LogRecord("backupwatch", logging.INFO, "", 0, words, (), None)


def test_what_the_journal_does_not_take_goes_to_standard_error() -> None:
    """An entry is never lost without a trace."""
    with TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"{folder}/journal")
        channel.settimeout(5)
        stream = io.StringIO()
        handler = journal.JournalHandler(stream, Path(folder, "journal"))
        handler.handle(record('{"event": "hello"}'))
        assert parsed(channel.recv(4096))["MESSAGE"] == "hello"
        Path(folder, "journal").unlink()
        handler.handle(record('{"event": "alone"}'))
        handler.handle(record("no JSON"))
        handler.close()
    assert stream.getvalue() == '{"event": "alone"}\nno JSON\n'


def test_only_a_standard_error_that_is_the_journals_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that redirected its own error output, or a shell inside a service, is not taken for the service."""
    monkeypatch.setattr(journal, "SOCKET", tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, (tmp_path / "stream").open("w") as stream:
        monkeypatch.chdir(tmp_path)
        channel.bind("socket")
        found = os.fstat(stream.fileno())
        assert journal.is_ours(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not journal.is_ours(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not journal.is_ours(stream, {})
        assert not journal.is_ours(io.StringIO(), {"JOURNAL_STREAM": "8:1"})
