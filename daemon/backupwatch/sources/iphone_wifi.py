"""Finds paired phones on the local network by Bonjour, for computers whose usbmuxd does not.

A phone announces ``_apple-mobdev2._tcp`` while it is awake, under its Wi-Fi address (often a randomised one), with
tags from which a computer that is paired with it can tell so. The library's own browse cannot be confined to an
interface and always calls lockdown's usual port; its parser and its arithmetic of tags are used here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import ifaddr
from pymobiledevice3.bonjour import (
    MDNS_MCAST_V4,
    MDNS_MCAST_V6,
    MDNS_PORT,
    MOBDEV2_SERVICE_NAME,
    QTYPE_A,
    QTYPE_AAAA,
    QTYPE_PTR,
    QTYPE_SRV,
    QTYPE_TXT,
    build_query,
    parse_mdns_message,
)
from pymobiledevice3.lockdown import compute_mobdev2_auth_tag

from backupwatch.sources import iphone_client
from backupwatch.sources.iphone_arguments import bare

IDENTIFY_SECONDS: Final = 8.0
"""For one phone to pick up and say who it is; a dozing one needs a second call."""

MAX_ANNOUNCED: Final = 1_000
"""Announcements that are remembered during one search."""

ASK_AGAIN_SECONDS: Final = 1.0
"""A question can get lost on the air; it is asked again at this interval."""


@dataclass(frozen=True, slots=True)
class Found:
    """A paired phone on the local network.

    :ivar serial: its UDID, in the spelling under which its pair record is kept.
    :ivar address: an IP address, with its zone where it needs one.
    """

    serial: str
    address: str
    port: int


async def browse(
    wanted: Iterable[str], seconds: float, interfaces: Sequence[str] | None, on_found: Callable[[Found], None]
) -> None:
    """Search for the wanted phones and report each once; ends early when all are found.

    Without a pair record for any of them nothing is sent.

    :param wanted: UDIDs.
    :param interfaces: names of the network interfaces to use; None for all but loopback.
    :raises OSError: the network cannot be used for this.
    """
    records = await _records(wanted)
    if not records:
        return
    missing = set(records)
    with _Ears(interfaces) as ears:
        await ears.open()
        answers: asyncio.Queue[Found | None] = asyncio.Queue()
        asked: set[tuple[str, int]] = set()
        calls: list[asyncio.Task[None]] = []

        async def call(address: str, port: int) -> None:
            serial = await _identify(address, port, missing)
            answers.put_nowait(Found(serial, address, port) if serial else None)

        try:
            async for announced in ears.announced(seconds, lambda: not missing):
                for address in announced.addresses:
                    if (address, announced.port) not in asked and _ours(announced, records):
                        asked.add((address, announced.port))
                        calls.append(asyncio.create_task(call(address, announced.port)))
                _report(answers, missing, on_found)
            if calls:
                await asyncio.wait(calls, timeout=IDENTIFY_SECONDS)
            _report(answers, missing, on_found)
        finally:
            for task in calls:
                task.cancel()


def _report(answers: asyncio.Queue[Found | None], missing: set[str], on_found: Callable[[Found], None]) -> None:
    while not answers.empty():
        found = answers.get_nowait()
        if found is not None and found.serial in missing:
            missing.discard(found.serial)
            on_found(found)


async def _records(wanted: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    records: dict[str, Mapping[str, Any]] = {}
    for serial in wanted:
        with contextlib.suppress(Exception):  # a damaged record or a usbmuxd that is not there: not this phone
            record = await iphone_client.pair_record(serial)
            if record is not None:
                records[serial] = record
    return records


async def _identify(address: str, port: int, missing: set[str]) -> str | None:
    """Ask the phone at that address for its UDID; None if it is none that is missing, or does not say."""
    with contextlib.suppress(Exception):
        async with (
            asyncio.timeout(IDENTIFY_SECONDS),
            iphone_client.phone_client(iphone_client.over_wifi(address), None, port) as client,
        ):
            udid = await client.value(None, "UniqueDeviceID")
            return next((serial for serial in missing if isinstance(udid, str) and bare(serial) == bare(udid)), None)
    return None


@dataclass(slots=True)
class Announced:
    """One service instance, as far as it was heard."""

    instance: str
    port: int = 0
    host: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()


def _ours(announced: Announced, records: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether it may be one of our phones: by its Wi-Fi address, by its tags, or because it is too old for tags.

    A stranger's phone is not called.
    """
    mac = announced.instance.split("@", 1)[0].lower()
    if any(str(record.get("WiFiMACAddress", "")).lower() == mac for record in records.values()):
        return True
    identifier = announced.properties.get("identifier")
    if not identifier:
        return "@" in announced.instance
    tags = _tags(announced.properties)
    hosts = {str(record["HostID"]) for record in records.values()}
    return any(compute_mobdev2_auth_tag(host, identifier) in tags for host in hosts)


def _tags(properties: Mapping[str, str]) -> set[bytes]:
    tags: set[bytes] = set()
    for key, value in properties.items():
        if key == "authTag" or key.startswith("authTag#"):
            with contextlib.suppress(binascii.Error, ValueError):
                tags.add(base64.b64decode(value))
    return tags


class Heard:
    """Everything heard during one search, put together from single records; pure."""

    def __init__(self) -> None:
        self._instances: dict[str, Announced] = {}
        self._hosts: dict[str, list[str]] = {}

    def hear(self, packet: bytes, zone: str) -> list[Announced]:
        """Take a packet in and answer the instances that can be called now.

        :param zone: name of the interface on which it came, for addresses that are only valid there.
        """
        try:
            records = parse_mdns_message(packet)
        except (ValueError, IndexError, struct.error):  # anybody may shout on the network; UnicodeError is a ValueError
            return []
        for record in records:
            self._take(record, zone)
        for instance in self._instances.values():
            instance.addresses = tuple(self._hosts.get(instance.host, ()))
        return [instance for instance in self._instances.values() if instance.port and instance.addresses]

    def _take(self, record: Mapping[str, Any], zone: str) -> None:
        name, kind = str(record.get("name", "")), record.get("type")
        if kind == QTYPE_PTR and name == MOBDEV2_SERVICE_NAME and "ptrdname" in record:
            self._instance(str(record["ptrdname"]))
        elif kind == QTYPE_SRV and name.endswith(MOBDEV2_SERVICE_NAME) and "port" in record:
            if instance := self._instance(name):
                instance.port, instance.host = int(record["port"]), str(record["target"])
        elif kind == QTYPE_TXT and name.endswith(MOBDEV2_SERVICE_NAME):
            if instance := self._instance(name):
                instance.properties = record.get("txt", {})
        elif kind in (QTYPE_A, QTYPE_AAAA) and "address" in record and len(self._hosts) < MAX_ANNOUNCED:
            address = str(record["address"])
            if address.lower().startswith("fe80:"):
                address = f"{address}%{zone}"
            known = self._hosts.setdefault(name, [])
            if address not in known and len(known) < 8:
                known.append(address)

    def _instance(self, name: str) -> Announced | None:
        if name not in self._instances and len(self._instances) >= MAX_ANNOUNCED:
            return None
        return self._instances.setdefault(name, Announced(name))


class _Packets(asyncio.DatagramProtocol):
    def __init__(self, queue: asyncio.Queue[tuple[bytes, Any]]) -> None:
        self._queue = queue

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._queue.put_nowait((data, addr))


class _Ears:
    """The sockets of one search."""

    def __init__(self, interfaces: Sequence[str] | None) -> None:
        self._adapters = [adapter for adapter in ifaddr.get_adapters() if _chosen(adapter, interfaces)]
        self._queue: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue(10_000)
        self._transports: list[asyncio.DatagramTransport] = []

    def __enter__(self) -> _Ears:
        return self

    def __exit__(self, *_: object) -> None:
        for transport in self._transports:
            transport.close()

    async def open(self) -> None:
        """Open one socket per address family that any of the interfaces has.

        :raises OSError: none could be opened.
        """
        trouble: OSError | None = None
        for family, opener in ((socket.AF_INET, self._open_v4), (socket.AF_INET6, self._open_v6)):
            if not self._addresses(family):
                continue
            try:
                sock = opener()
                transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Packets(self._queue), sock=sock
                )
                self._transports.append(transport)
            except OSError as error:
                trouble = error
        if not self._transports and trouble is not None:
            raise trouble

    async def announced(self, seconds: float, enough: Callable[[], bool]) -> Any:
        """Yield instances that can be called, until the time is over or it is enough."""
        heard, loop = Heard(), asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not enough():
            self._ask()
            again = min(end, loop.time() + ASK_AGAIN_SECONDS)
            while loop.time() < again and not enough():
                try:
                    packet, sender = await asyncio.wait_for(self._queue.get(), again - loop.time())
                except TimeoutError:
                    break
                zone = self._zone(sender)
                if zone is not None:
                    for instance in heard.hear(packet, zone):
                        yield instance

    def _ask(self) -> None:
        query = build_query(MOBDEV2_SERVICE_NAME, QTYPE_PTR)
        for transport in self._transports:
            sock = transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                if sock.family == socket.AF_INET:
                    for address, _ in self._addresses(socket.AF_INET):
                        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
                        transport.sendto(query, (MDNS_MCAST_V4, MDNS_PORT))
                else:
                    for index in {index for _, index in self._addresses(socket.AF_INET6)}:
                        transport.sendto(query, (MDNS_MCAST_V6, MDNS_PORT, 0, index))

    def _open_v4(self) -> socket.socket:
        sock = _shared(socket.AF_INET)
        if hasattr(socket, "IP_MULTICAST_ALL"):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_ALL, 0)
        sock.bind(("", MDNS_PORT))
        for address, _ in self._addresses(socket.AF_INET):
            with contextlib.suppress(OSError):
                group = socket.inet_aton(MDNS_MCAST_V4) + socket.inet_aton(address)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        return sock

    def _open_v6(self) -> socket.socket:
        sock = _shared(socket.AF_INET6)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("::", MDNS_PORT))
        for index in {index for _, index in self._addresses(socket.AF_INET6)}:
            with contextlib.suppress(OSError):
                group = socket.inet_pton(socket.AF_INET6, MDNS_MCAST_V6) + struct.pack("@I", index)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        return sock

    def _addresses(self, family: int) -> list[tuple[str, int]]:
        """Own addresses of a family, with the index of the interface."""
        return [
            (str(ip.ip if ip.is_IPv4 else ip.ip[0]), int(adapter.index or 0))
            for adapter in self._adapters
            for ip in adapter.ips
            if ip.is_IPv4 == (family == socket.AF_INET)
        ]

    def _zone(self, sender: Any) -> str | None:
        """Name of the interface on which the sender is a neighbour; None for a stranger."""
        address = ipaddress.ip_address(str(sender[0]).split("%", 1)[0])
        for adapter in self._adapters:
            if len(sender) == 4 and sender[3]:
                if sender[3] == adapter.index:
                    return str(adapter.name)
                continue
            for ip in adapter.ips:
                own = ip.ip if ip.is_IPv4 else ip.ip[0]
                if address in ipaddress.ip_network(f"{own}/{ip.network_prefix}", strict=False):
                    return str(adapter.name)
        return None


def _chosen(adapter: Any, interfaces: Sequence[str] | None) -> bool:
    if interfaces is not None:
        return adapter.name in interfaces
    return not any(ipaddress.ip_address(ip.ip if ip.is_IPv4 else ip.ip[0]).is_loopback for ip in adapter.ips)


def _shared(family: int) -> socket.socket:
    """A datagram socket that shares the port with the system's own responder."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT"):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.setblocking(False)
    return sock
