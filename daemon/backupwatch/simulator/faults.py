"""How an answer goes wrong. Each function plays one fault of the scenario on a live connection."""

from __future__ import annotations

import struct

from backupwatch.simulator.channel import Channel, frame
from backupwatch.simulator.script import Fault

HUGE = 0xFFFF_FFF0
"""A length prefix of four gigabytes; pymobiledevice3 refuses everything above 128 MiB."""

ENDLESS = 100 * 1024 * 1024
"""A length prefix that clients believe; the bytes never come."""

GARBAGE = b"<plist version='1.0'><dict><key>oh no</key><\x00\xff&&&"


class Vanished(ConnectionError):  # noqa: N818 - an event, not an error of ours
    """The phone leaves the stage now."""


async def spoil(channel: Channel, answer: bytes, fault: Fault) -> None:
    """Send a framed ``answer`` the broken way; after it the conversation is over, unless the link is only slow.

    :raises Vanished: the phone must disappear.
    :raises ConnectionError: the connection is gone.
    """
    match fault.kind:
        case "slow":
            channel.pause = fault.pause
            await channel.send(answer)
            return
        case "hang":
            await channel.hang()
        case "garbage":
            await channel.send(struct.pack(">I", len(GARBAGE)) + GARBAGE)
            return
        case "nonsense":
            await channel.send(frame(["not", "a", "dictionary"]))
            return
        case "huge-length":
            await channel.send(struct.pack(">I", HUGE) + b"\x00" * 16)
        case "endless":
            await channel.send(struct.pack(">I", ENDLESS) + answer[4:])
            await channel.hang()
        case "reset":
            await channel.send(answer[: len(answer) // 2])
        case "vanish":
            raise Vanished
        case "refuse":
            pass
    channel.abort()
    raise ConnectionResetError(f"fault: {fault.kind}")


async def spoil_tls(channel: Channel, fault: Fault) -> None:
    """Play a fault of the step ``tls``: listen to the ClientHello, then answer badly or not at all.

    :raises ConnectionError: always, unless the link is only slow.
    """
    if fault.kind == "slow":
        channel.pause = fault.pause
        return
    await channel.read_exactly(1)
    if fault.kind == "vanish":
        raise Vanished
    if fault.kind == "hang":
        await channel.hang()
    elif fault.kind in ("garbage", "nonsense"):
        await channel.send(GARBAGE)
    channel.abort()
    raise ConnectionResetError(f"fault: tls {fault.kind}")
