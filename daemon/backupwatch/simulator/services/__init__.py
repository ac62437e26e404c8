"""The services behind lockdownd's StartService, one file each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from backupwatch.simulator.channel import Channel
from backupwatch.simulator.faults import spoil
from backupwatch.simulator.pairing import Pairing

if TYPE_CHECKING:
    from backupwatch.simulator.phone import PhoneActor

Service = Callable[["PhoneActor", Channel, str], Coroutine[Any, Any, None]]
"""Phone, connection (TLS is on), link -> a conversation."""

SERVICES: dict[str, Service] = {}
"""Service name -> its actor."""


async def serve_service(name: str, phone: PhoneActor, channel: Channel, link: str, trusted: Pairing) -> None:
    """Hold one conversation of a service: TLS from the first byte, then the service's own protocol."""
    fault = phone.now().fault(f"service:{name}", link)
    if fault is not None and fault.kind != "slow":
        if fault.kind != "refuse":
            await channel.start_tls(trusted.tls())
        await spoil(channel, b"\x00" * 8, fault)
        return
    if fault is not None:
        channel.pause = fault.pause
    await channel.start_tls(trusted.tls())
    await SERVICES[name](phone, channel, link)
