"""Hears from usbmuxd when a phone comes or goes.

Lives in the daemon for years, so it imports nothing but the standard library: usbmuxd's ``Listen`` is one plist
message with a header of sixteen bytes, and the library for it costs forty megabytes. Formats: libusbmuxd
``src/libusbmuxd.c`` and ``include/usbmuxd-proto.h``.
"""

from __future__ import annotations

import asyncio
import contextlib
import plistlib
import re
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers.expat import ExpatError

DEFAULT_ADDRESS: Final = "/var/run/usbmuxd"
"""usbmuxd's socket on Linux and macOS."""

HEADER: Final = struct.Struct("<IIII")
"""Length of the whole message, version (1: plist), type (8: plist), tag; little endian."""

_PLIST_VERSION, _PLIST_MESSAGE = 1, 8

MAX_MESSAGE: Final = 64 * 1024
"""Bytes of one message; an honest one has about a thousand."""

MAX_PHONES: Final = 4_096
"""Attachments that are remembered; usbmuxd names a phone only when it comes, not when it goes."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to reach a usbmuxd that is not there; they double. On Linux it is not there whenever no
cable is in, and a phone that is plugged in is to be noticed within seconds."""

_UDID = re.compile(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A phone came or went.

    :ivar udid: as the phone spells it.
    :ivar connection: ``usb`` or ``wifi``.
    :ivar attached: True for coming. Phones that were there before we listened come first.
    """

    udid: str
    connection: str
    attached: bool


class NonsenseError(Exception):
    """usbmuxd, or whoever sits at its address, does not speak its protocol."""


async def arrivals(address: str = "", *, pause: Callable[[float], Any] = asyncio.sleep) -> AsyncIterator[Arrival]:
    """Yield arrivals for ever; a usbmuxd that is missing, restarts or talks nonsense is tried again later.

    When the connection is lost, every phone that was there is reported as gone.

    :param address: path of a socket or ``host:port``; empty for the system's.
    :param pause: waits for so many seconds; asyncio's sleep but in tests.
    """
    seconds = FIRST_PAUSE
    while True:
        present: dict[int, Arrival] = {}
        with contextlib.suppress(OSError, EOFError, NonsenseError):
            async with contextlib.aclosing(_listen(address or DEFAULT_ADDRESS, present)) as events:
                async for event in events:
                    seconds = FIRST_PAUSE
                    yield event
        for arrival in present.values():
            yield Arrival(arrival.udid, arrival.connection, attached=False)
        await pause(seconds)
        seconds = min(LONGEST_PAUSE, seconds * 2)


async def _listen(address: str, present: dict[int, Arrival]) -> AsyncGenerator[Arrival, None]:
    """One connection's worth of events; keeps ``present`` true.

    :raises OSError: it cannot be reached. :raises EOFError: it hung up. :raises NonsenseError: see there.
    """
    reader, writer = await _connect(address)
    try:
        writer.write(
            _message({"MessageType": "Listen", "ClientVersionString": "backupwatch", "ProgName": "backupwatch"})
        )
        await writer.drain()
        while True:
            event = _event(await _receive(reader), present)
            if event is not None:
                yield event
    finally:
        writer.close()


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = address.removeprefix("UNIX:")  # libimobiledevice's spelling
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        return await asyncio.open_connection(host.strip("[]"), int(port))
    return await asyncio.open_unix_connection(address)


def _message(body: Mapping[str, Any]) -> bytes:
    data = plistlib.dumps(dict(body))
    return HEADER.pack(HEADER.size + len(data), _PLIST_VERSION, _PLIST_MESSAGE, 1) + data


async def _receive(reader: asyncio.StreamReader) -> Mapping[str, Any]:
    size, _, kind, _ = HEADER.unpack(await reader.readexactly(HEADER.size))
    if not HEADER.size <= size <= MAX_MESSAGE or kind != _PLIST_MESSAGE:
        raise NonsenseError
    body = await reader.readexactly(size - HEADER.size)
    try:
        message = plistlib.loads(body)
    except (ValueError, ExpatError, LookupError, TypeError, AttributeError, struct.error, RecursionError) as error:
        raise NonsenseError from error
    if not isinstance(message, dict):
        raise NonsenseError
    return message


def _event(message: Mapping[str, Any], present: dict[int, Arrival]) -> Arrival | None:
    """What a message says, or None for one that is of no interest.

    :raises NonsenseError: Listen was refused.
    """
    kind, ident, details = message.get("MessageType"), message.get("DeviceID"), message.get("Properties")
    if kind == "Result" and message.get("Number") != 0:
        raise NonsenseError
    if not isinstance(ident, int):
        return None
    if kind == "Detached":
        gone = present.pop(ident, None)
        return gone and Arrival(gone.udid, gone.connection, attached=False)
    if kind != "Attached" or not isinstance(details, dict):
        return None
    udid = details.get("SerialNumber")
    if not isinstance(udid, str) or not _UDID.fullmatch(udid) or len(present) >= MAX_PHONES:
        return None
    if len(udid) == 24 and "-" not in udid:
        udid = f"{udid[:8]}-{udid[8:]}"
    connection = "usb" if details.get("ConnectionType") == "USB" else "wifi"
    present[ident] = Arrival(udid, connection, attached=True)
    return present[ident]


class Debounce:
    """Decides, over times handed in, when a phone that came is worth a look: a bad cable comes and goes all day.

    A phone that comes for the first time, or after it was gone for at least ``quiet`` seconds, is worth a look at
    once. One that flaps is left alone until it has stayed for ``quiet`` seconds. Pure: nothing here waits.
    """

    def __init__(self, quiet: float = 30.0) -> None:
        """:param quiet: seconds."""
        self._quiet = quiet
        self._left: dict[tuple[str, str], float] = {}
        self._waiting: dict[tuple[str, str], float] = {}

    def arrival(self, event: Arrival, at: float) -> bool:
        """Take an event in; True if the phone is to be looked at now.

        :param at: seconds on any clock that never runs backwards.
        """
        way = (event.udid, event.connection)
        if not event.attached:
            self._waiting.pop(way, None)
            self._forget(at)
            self._left[way] = at
            return False
        left = self._left.pop(way, None)
        if left is not None and at - left < self._quiet:
            self._waiting[way] = at + self._quiet
            return False
        return True

    def due(self, at: float) -> set[str]:
        """UDIDs of phones that flapped and have now stayed long enough; each is named once."""
        stayed = [way for way, when in self._waiting.items() if when <= at]
        for way in stayed:
            del self._waiting[way]
        return {udid for udid, _ in stayed}

    def _forget(self, at: float) -> None:
        for way in [way for way, left in self._left.items() if at - left >= self._quiet]:
            del self._left[way]
