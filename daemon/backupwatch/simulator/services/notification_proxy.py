"""``com.apple.mobile.notification_proxy``: tells a computer that something on the phone changed.

Messages: libimobiledevice ``src/notification_proxy.c``, pymobiledevice3 ``services/notification_proxy.py``.
"""

from __future__ import annotations

import asyncio

from backupwatch.simulator.channel import Channel
from backupwatch.simulator.phone import PhoneActor

NAME = "com.apple.mobile.notification_proxy"

BACKUP_CHANGED = "com.apple.mobile.backup.domain_changed"
"""Posted when a value of the backup domain changes."""


async def serve(phone: PhoneActor, channel: Channel, link: str) -> None:
    """Relay what the client observes until it shuts down."""
    del link
    observed: set[str] = set()
    relay = asyncio.create_task(_relay_changes(phone, channel, observed))
    try:
        while True:
            request = await channel.read_plist()
            name = str(request.get("Name", ""))
            match request.get("Command"):
                case "ObserveNotification":
                    observed.add(name)
                case "PostNotification":
                    await _tell(channel, observed, name)
                case "Shutdown":
                    await channel.send_plist({"Command": "ProxyDeath"})
                    return
    finally:
        relay.cancel()


async def _relay_changes(phone: PhoneActor, channel: Channel, observed: set[str]) -> None:
    before = phone.values()["com.apple.mobile.backup"]
    while True:
        await phone.next_moment()
        after = phone.values()["com.apple.mobile.backup"]
        if after != before:
            await _tell(channel, observed, BACKUP_CHANGED)
        before = after


async def _tell(channel: Channel, observed: set[str], name: str) -> None:
    if name in observed:
        await channel.send_plist({"Command": "RelayNotification", "Name": name})
