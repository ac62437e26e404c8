"""Bonjour for the phones on the stage's Wi-Fi: a responder for ``_apple-mobdev2._tcp.local.`` on loopback only.

It joins the multicast group on the loopback interface alone and answers through it alone, so nothing it says can
leave the machine. A browser hears it only where its own questions go to loopback too: in a network namespace whose
multicast route is ``lo``, or with ``IP_MULTICAST_IF`` set to 127.0.0.1.

Names and TXT records: pymobiledevice3 ``bonjour.py`` and ``lockdown.compute_mobdev2_auth_tag``; wire format RFC 6762.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backupwatch.simulator.phone import LOCKDOWN_PORT, PhoneActor

GROUP: Final = "224.0.0.251"
PORT: Final = 5_353
SERVICE: Final = "_apple-mobdev2._tcp.local."
_LOOPBACK: Final = "127.0.0.1"
_A, _PTR, _TXT, _SRV = 1, 12, 16, 33
_IN, _FLUSH = 1, 0x8000
_TTL = 120
_IP_MULTICAST_ALL = 49
"""Linux ``<linux/in.h>``; off: hear only the groups that this very socket has joined."""


class Responder(asyncio.DatagramProtocol):
    """Answers questions for phones with what is on the air at that moment."""

    def __init__(self, on_air: Callable[[], list[PhoneActor]]) -> None:
        """:param on_air: answers the phones that can be reached directly now."""
        self._on_air = on_air
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Join the group on loopback.

        :raises OSError: this system has no multicast on its loopback interface.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((GROUP, PORT))
            here = socket.inet_aton(_LOOPBACK)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + here)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)  # never past this host
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            sock.setblocking(False)
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)
        except OSError:
            sock.close()
            raise

    def stop(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer a question; ignore answers, other people's questions and nonsense."""
        del addr
        if self._transport is None or not _asks_for_phones(data):
            return
        for phone in self._on_air():
            self._transport.sendto(announcement(phone), (GROUP, PORT))


def announcement(phone: PhoneActor) -> bytes:
    """PTR, SRV, TXT and A record of one phone in one packet."""
    now = phone.now()
    instance = f"{now.wifi_address}@fe80::1-supportsRP-24.{SERVICE}"
    host = f"{phone.udid.replace('-', '').lower()[-24:]}.local."
    records = [
        _record(SERVICE, _PTR, _name(instance), flush=False),
        _record(instance, _SRV, struct.pack("!HHH", 0, 0, LOCKDOWN_PORT) + _name(host)),
        _record(instance, _TXT, _text(_properties(phone))),
        _record(host, _A, socket.inet_aton(phone.address)),
    ]
    return struct.pack("!HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def _properties(phone: PhoneActor) -> dict[str, str]:
    """An opaque identifier, and one tag per computer that the phone trusts."""
    identifier = hashlib.sha256(phone.udid.encode()).hexdigest()[:32]
    properties = {"identifier": identifier}
    for number, host_id in enumerate(phone.trusted_hosts()):
        key = HKDF(algorithm=hashes.SHA512(), length=32, salt=None, info=b"").derive(host_id.encode())
        tag = hmac.new(key, identifier.encode(), hashlib.sha256).digest()[:8]
        properties["authTag" if number == 0 else f"authTag#{number}"] = base64.b64encode(tag).decode()
    return properties


def _name(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _record(name: str, kind: int, data: bytes, *, flush: bool = True) -> bytes:
    return _name(name) + struct.pack("!HHIH", kind, _IN | (_FLUSH if flush else 0), _TTL, len(data)) + data


def _text(properties: dict[str, str]) -> bytes:
    parts = [f"{key}={value}".encode() for key, value in properties.items()]
    return b"".join(bytes([len(part)]) + part for part in parts)


def _asks_for_phones(data: bytes) -> bool:
    """Whether a packet is a query whose questions name our service."""
    if len(data) < 12:
        return False
    _, flags, questions, *_ = struct.unpack("!HHHHHH", data[:12])
    return not flags & 0x8000 and questions > 0 and _name(SERVICE) in data[12:]
