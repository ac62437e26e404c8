"""usbmuxd: tells which phones are there and forwards connections to them. The plist protocol, over any stream.

Messages and result codes: libusbmuxd ``src/libusbmuxd.c``, usbmuxd ``src/client.c`` and
``src/usbmuxd-proto.h``, pymobiledevice3 ``usbmux.py``.
"""

from __future__ import annotations

import asyncio
import errno
import plistlib
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backupwatch.simulator.channel import Channel
from backupwatch.simulator.pairing import SYSTEM_BUID
from backupwatch.simulator.phone import PhoneActor
from backupwatch.simulator.script import UsbmuxdFault

HEADER = struct.Struct("<IIII")
"""Length of the whole message, protocol version (1: plist), message type (8: plist), tag. Little endian."""

PLIST_VERSION, PLIST_MESSAGE, RESULT_MESSAGE = 1, 8, 1
OK, BAD_COMMAND, BAD_DEVICE, CONNECTION_REFUSED, BAD_VERSION = 0, 1, 2, 3, 6
MAX_MESSAGE = 1024 * 1024
_IPHONE_PRODUCT_ID = 0x12A8
_DARWIN_AF_INET = 2

Message = dict[str, Any]


@dataclass(frozen=True)
class Attachment:
    """One way in which one phone is attached. Its id is never used again."""

    device_id: int
    udid: str
    link: str

    def properties(self, phone: PhoneActor) -> Message:
        """What usbmuxd says of it."""
        common = {"ConnectionType": self.link, "DeviceID": self.device_id, "SerialNumber": self.udid}
        if self.link == "USB":
            return common | {
                "ConnectionSpeed": 480_000_000,
                "LocationID": self.device_id << 16,
                "ProductID": _IPHONE_PRODUCT_ID,
            }
        now = phone.now()
        # A Darwin sockaddr_in, length byte first: libimobiledevice connects there by itself.
        address = struct.pack(">BBH4s8x", 16, _DARWIN_AF_INET, 0, socket.inet_aton(phone.address))
        return common | {
            "EscapedFullServiceName": f"{now.wifi_address}@fe80::1._apple-mobdev2._tcp.local.",
            "InterfaceIndex": 1,
            "NetworkAddress": address,
        }


class Usbmuxd:
    """The daemon: attachments, listeners, pair records."""

    def __init__(
        self,
        phones: Mapping[str, PhoneActor],
        fault: Callable[[str], UsbmuxdFault | None],
        folder: Path,
        *,
        network: bool = True,
    ) -> None:
        """:param phones: every phone of the story, by UDID.
        :param network: whether it finds phones on the Wi-Fi.
        :param fault: answers what breaks at a step now.
        :param folder: where the socket stands.
        """
        self._phones = phones
        self._fault = fault
        self._finds = ("USB", "Network") if network else ("USB",)
        self._path = folder / "usbmuxd"
        self._attached: dict[int, Attachment] = {}
        self._next_id = 1
        self._listeners: dict[asyncio.StreamWriter, int] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.pair_records: dict[str, bytes] = {}
        """UDID without dashes, upper case -> the record's plist, as saved on this computer."""
        self.tcp = ""

    # -- life --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open both doors: the Unix socket and a port on 127.0.0.1."""
        for udid, phone in self._phones.items():
            if (record := phone.initial_record()) is not None:
                self.pair_records[_plain(udid)] = plistlib.dumps(record)
        self.refresh()
        self._servers.append(await asyncio.start_unix_server(self._accept, self.path, backlog=1_024))
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1_024)
        self._servers.append(server)
        self.tcp = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close everything, the socket file too."""
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    @property
    def path(self) -> str:
        """The path of the Unix socket."""
        return str(self._path)

    # -- who is attached ---------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Compare the world with what is attached, and tell the listeners what changed."""
        wanted = {
            (udid, link) for udid, phone in self._phones.items() if not phone.vanished for link in phone.now().links
        }
        for attachment in list(self._attached.values()):
            if (attachment.udid, attachment.link) not in wanted:
                del self._attached[attachment.device_id]
                self._tell({"MessageType": "Detached", "DeviceID": attachment.device_id})
        present = {(attachment.udid, attachment.link) for attachment in self._attached.values()}
        for udid, phone in self._phones.items():
            for link in self._finds:
                if (udid, link) in wanted - present:
                    attachment = Attachment(self._next_id, udid, link)
                    self._next_id += 1
                    self._attached[attachment.device_id] = attachment
                    self._tell(self._attached_message(attachment, phone))

    def _attached_message(self, attachment: Attachment, phone: PhoneActor) -> Message:
        properties = attachment.properties(phone)
        return {"MessageType": "Attached", "DeviceID": attachment.device_id, "Properties": properties}

    def _tell(self, message: Message) -> None:
        for writer, version in list(self._listeners.items()):
            del version
            with suppress(ConnectionError, RuntimeError):
                writer.write(_packet(message, 0))

    # -- conversations -----------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, OSError):
            pass
        except asyncio.CancelledError:
            pass  # the curtain falls; asyncio's stream server would log a cancelled handler as an error
        finally:
            self._tasks.discard(task)
            self._listeners.pop(writer, None)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until one of them turns the connection into a wire to a phone."""
        while True:
            size, version, kind, tag = HEADER.unpack(await reader.readexactly(HEADER.size))
            if not HEADER.size <= size <= MAX_MESSAGE:
                return
            body = await reader.readexactly(size - HEADER.size)
            if version != PLIST_VERSION or kind != PLIST_MESSAGE:
                writer.write(HEADER.pack(HEADER.size + 4, 0, RESULT_MESSAGE, tag) + struct.pack("<I", BAD_VERSION))
                continue
            request = _parse(body)
            if await self._broken(str(request.get("MessageType")), reader, writer, tag):
                return
            if request.get("MessageType") == "Connect":
                if await self._connect(request, reader, writer, tag):
                    return
                continue
            self._handle(request, writer, tag)
            await writer.drain()

    def _handle(self, request: Message, writer: asyncio.StreamWriter, tag: int) -> None:
        """Everything but Connect."""
        match request.get("MessageType"):
            case "ListDevices":
                attached = [self._attached_message(one, self._phones[one.udid]) for one in self._attached.values()]
                writer.write(_packet({"DeviceList": attached}, tag))
            case "Listen":
                writer.write(_result(OK, tag))
                self._listeners[writer] = PLIST_VERSION
                for one in self._attached.values():
                    writer.write(_packet(self._attached_message(one, self._phones[one.udid]), 0))
            case "ReadBUID":
                writer.write(_packet({"BUID": SYSTEM_BUID}, tag))
            case "ReadPairRecord":
                record = self.pair_records.get(_plain(request.get("PairRecordID", "")))
                answer = _result(errno.ENOENT, tag) if record is None else _packet({"PairRecordData": record}, tag)
                writer.write(answer)
            case "SavePairRecord":
                writer.write(_result(self._save(request), tag))
            case "DeletePairRecord":
                known = self.pair_records.pop(_plain(request.get("PairRecordID", "")), None)
                writer.write(_result(OK if known is not None else errno.ENOENT, tag))
            case _:
                writer.write(_result(BAD_COMMAND, tag))

    def _save(self, request: Message) -> int:
        udid, record = _plain(request.get("PairRecordID", "")), request.get("PairRecordData")
        if not udid or not isinstance(record, bytes):
            return errno.EINVAL
        self.pair_records[udid] = record
        device_id = request.get("DeviceID")
        if device_id in self._attached:
            self._tell({"MessageType": "Paired", "DeviceID": device_id})
        return OK

    async def _connect(
        self, request: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tag: int
    ) -> bool:
        """Forward this connection to a phone and stay until it ends; False when there is nobody to forward to."""
        attachment = self._attached.get(request.get("DeviceID", -1))
        if attachment is None:
            writer.write(_result(BAD_DEVICE, tag))
            return False
        phone = self._phones[attachment.udid]
        port = socket.ntohs(int(request.get("PortNumber", 0)) & 0xFFFF)  # network order in a plist integer
        fault = phone.now().fault("connect", attachment.link)
        if not phone.listens_on(port) or (fault and fault.kind == "refuse"):
            writer.write(_result(CONNECTION_REFUSED, tag))
            return False
        channel = Channel(reader, writer)
        if fault is not None and fault.kind in ("hang", "reset", "vanish"):
            if fault.kind == "hang":
                await channel.hang()
            elif fault.kind == "vanish":
                phone.vanish()
            channel.abort()
            return True
        if fault is not None and fault.kind == "slow":
            channel.pause = fault.pause
        writer.write(_result(OK, tag))
        await phone.serve(port, channel, attachment.link)
        return True

    async def _broken(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tag: int) -> bool:
        """Play a fault of usbmuxd itself; True when the conversation is over."""
        steps = {"ListDevices": "list", "Listen": "listen", "Connect": "connect", "ReadPairRecord": "record"}
        fault = self._fault(steps.get(name, "any"))
        if fault is None:
            return False
        channel = Channel(reader, writer)
        if fault.kind == "hang":
            await channel.hang()
        elif fault.kind == "garbage":
            junk = b"<plist><oh no>"
            await channel.send(HEADER.pack(HEADER.size + len(junk), PLIST_VERSION, PLIST_MESSAGE, tag) + junk)
            return False
        channel.abort()
        return True


def _plain(udid: object) -> str:
    """A UDID as a key: clients write it with or without the dash, in either case."""
    return str(udid).replace("-", "").upper()


def _parse(body: bytes) -> Message:
    try:
        message = plistlib.loads(body)
    except Exception as error:  # expat, plistlib and struct each have their own
        raise ConnectionError("the client sent something that is no plist") from error
    return message if isinstance(message, dict) else {}


def _packet(message: Message, tag: int) -> bytes:
    body = plistlib.dumps(message)
    return HEADER.pack(HEADER.size + len(body), PLIST_VERSION, PLIST_MESSAGE, tag) + body


def _result(number: int, tag: int) -> bytes:
    return _packet({"MessageType": "Result", "Number": number}, tag)
