"""The one door to pymobiledevice3: listing phones, pair records, and a lockdown client without the library's habits.

The library's ``create_using_usbmux`` opens eight connections to usbmuxd per phone and lists all devices before
each of them, and it reads the whole default domain of the phone (activation keys and Find My secrets included)
on every connect. Here the devices are listed once, each connection to a phone is one connection to usbmuxd, and
:class:`PhoneClient` answers the library's key-less reads from what was asked for by name. It never pairs.

Written against pymobiledevice3 11.45; the names used are public, the behaviour they rely on is held by
``tests/wire/test_iphone_client.py``.
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from backupwatch.sources import iphone_lean  # noqa: F401 - first: it thins out the imports that follow

# isort: split
from pymobiledevice3.exceptions import (
    ConnectionTerminatedError,
    MissingValueError,
    MuxException,
    NotPairedError,
    ProtocolError,
)
from pymobiledevice3.lockdown import SERVICE_PORT as LOCKDOWN_PORT
from pymobiledevice3.lockdown import LockdownClient
from pymobiledevice3.osu.os_utils import get_os_utils
from pymobiledevice3.pair_records import get_itunes_pairing_record, get_local_pairing_record
from pymobiledevice3.service_connection import ServiceConnection
from pymobiledevice3.usbmux import MuxConnection, MuxDevice, PlistMuxConnection

SERVICE_PORT: Final = LOCKDOWN_PORT
"""TCP port of lockdownd on every phone."""

LABEL: Final = "backupwatch"
"""What we call ourselves to lockdownd; it stands in the phone's log."""

MAX_ANSWER: Final = 8 * 1024 * 1024
"""Bytes of one answer. The largest honest one is a list of profiles, some kilobytes; the library allows 128 MiB."""

WIFI_DIALS: Final = 3
"""A dozing phone often misses the first second: how often to call it."""

WIFI_DIAL_SECONDS: Final = 2.0

_UDID: Final = re.compile(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40}")
_VERSION: Final = re.compile(r"\d{1,4}(\.\d{1,4}){0,3}")

Dial = Callable[[int, ssl.SSLContext | None], Awaitable[ServiceConnection]]
"""Opens a connection to a port of one phone, by one way of reaching it."""


class TlsTimeoutError(TimeoutError):
    """The phone did not finish the TLS handshake in time; that says nothing about trust."""


class DamagedRecordError(Exception):
    """The pair record on this computer cannot be used."""


def canonical(udid: str) -> str:
    """The UDID as the phone spells it: usbmuxd may drop the dash after the eighth digit."""
    return f"{udid[:8]}-{udid[8:]}" if len(udid) == 24 and "-" not in udid else udid


class Connection(ServiceConnection):
    """A service connection with a small limit for answers, that remembers why TLS failed."""

    max_frame_size = MAX_ANSWER
    tls: ssl.SSLContext | None = None
    """The context of the session: making one writes the host's key to a file, reads and checks it."""

    async def recvall(self, size: int) -> bytes:
        """Receive exactly ``size`` bytes.

        :raises ProtocolError: the phone announces more than :data:`MAX_ANSWER`; the log service has no limit of
            its own.
        """
        if size > self.max_frame_size:
            raise ProtocolError("The announced length is absurd.")
        return await super().recvall(size)

    async def start_tls(self, ssl_context: ssl.SSLContext) -> None:
        """Upgrade to TLS.

        :raises TlsTimeoutError: no answer; the library would call it a lost connection, and that a lost trust.
        :raises ProtocolError: an answer that is not TLS; likewise.
        :raises ConnectionTerminatedError: hung up, or refused by an alert, which is what a lost trust looks like.
        """
        self.tls = ssl_context
        try:
            await super().start_tls(ssl_context)
        except ConnectionTerminatedError as error:
            # asyncio words its own handshake timeout as ConnectionAbortedError.
            if isinstance(error.__cause__, TimeoutError | ConnectionAbortedError):
                raise TlsTimeoutError from error
            if isinstance(error.__cause__, ssl.SSLError) and not _is_refusal(error.__cause__):
                raise ProtocolError("The answer is not TLS.") from error
            raise


def _is_refusal(error: ssl.SSLError) -> bool:
    """Whether the other side ended the handshake on purpose."""
    return isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "ALERT" in (error.reason or "")


class PhoneClient(LockdownClient):
    """A lockdown client bound to one way of reaching one phone."""

    def __init__(self, connection: ServiceConnection, dial: Dial, port: int, record: Mapping[str, Any] | None) -> None:
        super().__init__(
            connection,
            host_id=str(record["HostID"]) if record else "",
            label=LABEL,
            pair_record=dict(record) if record else None,
            port=port,
        )
        self._dial = dial
        self._record = record

    async def get_value(self, domain: str | None = None, key: str | None = None) -> Any:
        """One value or one domain; a read of the whole default domain never leaves this computer."""
        if domain is None and key is None:
            return self.all_values
        return await super().get_value(domain, key)

    async def create_service_connection(
        self, port: int, ssl_context: ssl.SSLContext | None = None, strip_ssl: bool = False
    ) -> ServiceConnection:
        """Open another connection to the same phone the same way."""
        del strip_ssl  # only instruments of iOS before 14 want it
        return await self._dial(port, ssl_context)

    async def start_lockdown_service(self, name: str, include_escrow_bag: bool = False) -> ServiceConnection:
        """Start a service and connect to it, with the TLS context that the session has already."""
        tls = self.service.tls if isinstance(self.service, Connection) else None
        if tls is None:
            return await super().start_lockdown_service(name, include_escrow_bag)
        started = await self.get_service_connection_attributes(name, include_escrow_bag)
        return await self._dial(int(started["Port"]), tls if started.get("EnableServiceSSL") else None)

    async def open_session(self, version: str | None) -> bool:
        """Start a session with the pair record; False if the phone refuses the record.

        A connection dropped at the start of TLS is how a phone answers a record it has forgotten, but a bad
        cable looks the same: it counts as a refusal only when it happens twice.

        :param version: the phone's iOS version, as read before; decides which TLS the library offers.
        """
        self.all_values = {"ProductVersion": version} if version and _VERSION.fullmatch(version) else {}
        self.all_values.setdefault("ProductVersion", "15.0")
        for _ in range(2):
            if await self.validate_pairing():
                return True
            if self.pair_record is not None:
                return False  # refused by name: InvalidHostID
            self.pair_record = dict(self._record) if self._record else None
        return False

    async def value(self, domain: str | None, key: str | None) -> Any:
        """Like :meth:`get_value`, with None for what the phone says it does not have."""
        with contextlib.suppress(MissingValueError):
            return await self.get_value(domain, key)
        return None

    async def drop(self) -> None:
        """Close at once: a polite TLS goodbye to a phone that hangs would take a second."""
        with contextlib.suppress(Exception):
            self.service.writer.transport.abort()
        await self.close()


@asynccontextmanager
async def phone_client(
    dial: Dial, record: Mapping[str, Any] | None, port: int = SERVICE_PORT
) -> AsyncIterator[PhoneClient]:
    """A client for the time of the block; nothing has been said to the phone yet."""
    client = PhoneClient(await dial(port, None), dial, port, record)
    try:
        yield client
    finally:
        await client.drop()


# -- usbmuxd ----------------------------------------------------------------------------------------------------


def adopt_address() -> None:
    """Bring libimobiledevice's ``UNIX:/path`` into the form that the library reads; it only knows a bare path."""
    address = os.environ.get("USBMUXD_SOCKET_ADDRESS", "")
    if address.startswith("UNIX:"):
        os.environ["USBMUXD_SOCKET_ADDRESS"] = address.removeprefix("UNIX:")


@asynccontextmanager
async def _usbmuxd() -> AsyncIterator[PlistMuxConnection]:
    """One connection to usbmuxd, without the library's extra one that asks for the protocol's version."""
    mux = PlistMuxConnection(await MuxConnection.create_usbmux_socket())
    try:
        yield mux
    finally:
        await mux.close()  # type: ignore[no-untyped-call]  # the library's own omission


async def list_devices() -> list[MuxDevice]:
    """Everything attached, each way of reaching a phone on its own; entries without a sound UDID are left out."""
    async with _usbmuxd() as mux:
        await mux.get_device_list()
        return [device for device in mux.devices if isinstance(device.serial, str) and _UDID.fullmatch(device.serial)]


def through_usbmuxd(device: MuxDevice) -> Dial:
    """Reach a phone by one of usbmuxd's attachments."""
    return partial(_dial_usbmuxd, device)


async def _dial_usbmuxd(device: MuxDevice, port: int, ssl_context: ssl.SSLContext | None) -> ServiceConnection:
    mux = PlistMuxConnection(await MuxConnection.create_usbmux_socket())
    try:
        sock = await mux.connect(device, port)
    except BaseException:
        await mux.close()  # type: ignore[no-untyped-call]  # the library's own omission
        raise
    return await Connection.from_socket(sock, ssl_context=ssl_context, mux_device=device)


def over_wifi(address: str) -> Dial:
    """Reach a phone by its address on the local network."""
    return partial(_dial_wifi, address)


async def _dial_wifi(address: str, port: int, ssl_context: ssl.SSLContext | None) -> ServiceConnection:
    for attempt in range(WIFI_DIALS):
        try:
            return await Connection.create_using_tcp(
                address, port, keep_alive=False, create_connection_timeout=WIFI_DIAL_SECONDS, ssl_context=ssl_context
            )
        except (OSError, ConnectionTerminatedError):  # a time-out is an OSError too
            if attempt == WIFI_DIALS - 1:
                raise
    raise AssertionError  # pragma: no cover


# -- pair records -----------------------------------------------------------------------------------------------


async def pair_record(serial: str) -> Mapping[str, Any] | None:
    """This computer's pair record for a phone, or None; a credential, so it is never logged, shown or kept.

    Looked for where the library does: usbmuxd, the system's folder, the library's own folder (which the library
    would create for the asking).

    :param serial: the UDID as usbmuxd spells it.
    :raises DamagedRecordError: there is one, and it cannot be used.
    :raises OSError: no folder has one and usbmuxd cannot be asked, which is not the same as "none".
    :raises MuxException: likewise.
    """
    silent: Exception | None = None
    try:
        record = None
        try:
            record = await _record_of_usbmuxd(serial)
        except (OSError, MuxException) as error:
            silent = error
        for spelling in dict.fromkeys((serial, canonical(serial))):
            record = record or get_itunes_pairing_record(spelling)
            with contextlib.suppress(OSError):
                record = record or get_local_pairing_record(spelling, own_folder())
    except Exception as error:  # expat, plistlib, unicode: whatever a broken file makes of a parser
        raise DamagedRecordError from error
    if record is None and silent is not None:
        raise silent
    if record is None:
        return None
    if not isinstance(record, dict) or not (
        isinstance(record.get("HostID"), str)
        and isinstance(record.get("HostCertificate"), bytes)
        and isinstance(record.get("HostPrivateKey"), bytes)
    ):
        raise DamagedRecordError
    return record


async def _record_of_usbmuxd(serial: str) -> dict[str, Any] | None:
    with contextlib.suppress(NotPairedError):
        async with _usbmuxd() as mux:
            return await mux.get_pair_record(serial)
    return None


def own_folder() -> Path:
    """The library's folder of pair records, which may not exist."""
    return Path(get_os_utils().get_home_folder_path())


def recorded_udids() -> set[str]:
    """Phones for which a pair record lies in a folder that we can read; usbmuxd cannot list its records."""
    found: set[str] = set()
    for folder in (own_folder(), Path(get_os_utils().pair_record_path)):
        with contextlib.suppress(OSError):
            found |= {file.stem for file in folder.glob("*.plist") if _UDID.fullmatch(file.stem)}
    return found
