"""``com.apple.os_trace_relay``: the phone's log as a stream of binary records, and the list of processes.

Requests, framing and the layout of a record: pymobiledevice3 ``services/os_trace.py``.
"""

from __future__ import annotations

import plistlib
import struct
import uuid
from datetime import timedelta

from backupwatch.simulator.channel import Channel, frame
from backupwatch.simulator.phone import PhoneActor
from backupwatch.simulator.phonelog import PIDS, LogLine

NAME = "com.apple.os_trace_relay"

HISTORICAL = 0x8
"""Stream flag: begin with what is still in memory."""

MEMORY = timedelta(hours=30)
"""How far back a stream with :data:`HISTORICAL` begins here; a real phone's memory holds minutes to days."""

RECORD = struct.Struct("<9sIQ16s18sIIIBB6sQQ16sHHHIIII")
"""Fixed part of a record: ten unknown or constant parts, pid, ids, seconds, microseconds, level, lengths."""

_RECORD_MARK = b"\x02"


async def serve(phone: PhoneActor, channel: Channel, link: str) -> None:
    """Answer the one request that a connection may make."""
    del link
    request = await channel.read_plist()
    match request.get("Request"):
        case "PidList":
            processes = {str(pid): {"ProcessName": name} for name, pid in PIDS.items()}
            await channel.send(b"\x01" + frame({"Payload": processes, "Status": "RequestSuccessful"}))
        case "StartActivity":
            await _acknowledge(channel, "RequestSuccessful")
            await _stream(phone, channel, request)
        case _:
            await _acknowledge(channel, "RequestFailed")


async def _acknowledge(channel: Channel, status: str) -> None:
    """The length of the length, the length (little endian), the plist."""
    body = plistlib.dumps({"Status": status})
    await channel.send(struct.pack("<II", 4, len(body)) + body)


async def _stream(phone: PhoneActor, channel: Channel, request: dict[str, object]) -> None:
    """Everything since :data:`MEMORY` where wanted, then what is new whenever the stage's clock moves."""
    flags, pid = request.get("StreamFlags"), request.get("Pid", -1)
    sent_until = phone.now().at
    if isinstance(flags, int) and flags & HISTORICAL:
        sent_until -= MEMORY
    while True:
        now = phone.now().at
        for line in phone.log(sent_until):
            if pid in (-1, PIDS.get(line.process)):
                data = record(line)
                await channel.send(_RECORD_MARK + struct.pack("<I", len(data)) + data)
        sent_until = max(now, sent_until)
        await phone.next_moment()


def record(line: LogLine) -> bytes:
    """One line as a binary record."""
    pid = PIDS.get(line.process, 99)
    path = f"/usr/libexec/{line.process}".encode() + b"\0"
    image = line.process.encode() + b"\0"
    message = line.message.encode("utf-8", "surrogateescape")[:60_000] + b"\0"
    subsystem = line.subsystem.encode() + b"\0"
    category = line.category.encode() + b"\0"
    image_id = uuid.uuid5(uuid.NAMESPACE_OID, line.process).bytes
    seconds, fraction = divmod(line.at.timestamp(), 1)
    head = RECORD.pack(
        b"\0" * 9, pid, pid, image_id, b"\0" * 18, int(seconds), 0, int(fraction * 1_000_000), 0, line.level,
        b"\0" * 6, 0, 1, image_id, len(image), len(message), 0, 0, len(subsystem), len(category), 0,
    )  # fmt: skip
    return head + path + image + message + subsystem + category
