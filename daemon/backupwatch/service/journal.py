"""Log entries as journal entries with fields, for a daemon that systemd started.

Protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/. One datagram per entry, ``NAME=value`` lines; a value with a
line break is sent as its name, its length (64 bits, little endian) and its bytes. ``JOURNAL_STREAM`` says that
standard error is the journal's (systemd.exec(5)); where it is not, nothing of this is used.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

SOCKET: Final = Path("/run/systemd/journal/socket")
PRIORITIES: Final = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""structlog's words to syslog's numbers."""

_OWN: Final = frozenset({"event", "level", "timestamp", "exception", "stack"})
"""Keys with a place of their own in an entry."""


def is_ours(stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to ``stream`` (standard error when None) ends in the journal."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat((stream or sys.stderr).fileno())
    except (OSError, ValueError):
        return False
    return (str(found.st_dev), str(found.st_ino)) == (device, inode) and SOCKET.is_socket()


def datagram(entry: Mapping[str, object]) -> bytes:
    """One entry, from the keys and values of a log event.

    ``MESSAGE`` is what ``journalctl`` shows: the event and its values. Each value also has a field of its own,
    ``BACKUPWATCH_SOURCE`` for ``source``, to search by.
    """
    told = {key: value for key, value in entry.items() if key not in _OWN and key != "logger"}
    message = " ".join([str(entry.get("event", "")), *(f"{key}={_word(value)}" for key, value in told.items())])
    for key in ("stack", "exception"):
        if trace := entry.get(key):
            message += f"\n{trace}"
    fields = {
        "MESSAGE": message,
        "PRIORITY": str(PRIORITIES.get(str(entry.get("level")), 6)),
        "SYSLOG_IDENTIFIER": "backupwatch",
        **{_name(key): _word(value) for key, value in entry.items() if key not in _OWN},
    }
    return b"".join(_field(name, value.encode("utf-8", "replace")) for name, value in fields.items())


class JournalHandler(logging.StreamHandler[TextIO]):
    """Sends what its formatter makes, a JSON document, as an entry; what the journal does not take goes to stderr."""

    def __init__(self, stream: TextIO | None = None, path: Path = SOCKET) -> None:
        super().__init__(stream)
        self._path = str(path)
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._channel.settimeout(1.0)  # a journal that is stuck must not stop the event loop for long

    def emit(self, record: logging.LogRecord) -> None:
        """One entry; never raises."""
        try:
            self._channel.sendto(datagram(json.loads(self.format(record))), self._path)
        except Exception:  # noqa: BLE001 - too long for a datagram, a journal that restarts, somebody's odd __str__
            super().emit(record)

    def close(self) -> None:
        """Let go of the socket."""
        self._channel.close()
        super().close()


def _name(key: str) -> str:
    """A field's name: capitals, digits and underscores, at most 64, ours by its beginning."""
    return f"BACKUPWATCH_{re.sub('[^A-Z0-9_]', '_', key.upper())}"[:64]


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name.encode() + b"=" + value + b"\n"
