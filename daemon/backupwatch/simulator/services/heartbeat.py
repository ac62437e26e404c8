"""``com.apple.mobile.heartbeat``: the phone says Marco, the computer says Polo (pymobiledevice3 ``heartbeat.py``)."""

from __future__ import annotations

import asyncio

from backupwatch.simulator.channel import Channel
from backupwatch.simulator.phone import PhoneActor

NAME = "com.apple.mobile.heartbeat"

INTERVAL = 10
"""Seconds between two calls."""


async def serve(phone: PhoneActor, channel: Channel, link: str) -> None:
    """Call until the computer no longer answers."""
    del phone, link
    while True:
        await channel.send_plist({"Command": "Marco", "Interval": INTERVAL, "SupportsSleepyTime": True})
        await channel.read_plist()
        await asyncio.sleep(INTERVAL)
