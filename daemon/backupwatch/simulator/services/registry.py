"""Which services a phone offers, and how a conversation with any of them begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from backupwatch.simulator.channel import Channel
from backupwatch.simulator.faults import spoil
from backupwatch.simulator.pairing import Pairing
from backupwatch.simulator.phone import PhoneActor
from backupwatch.simulator.services import (
    diagnostics_relay,
    heartbeat,
    mcinstall,
    notification_proxy,
    os_trace_relay,
)

Service = Callable[[PhoneActor, Channel, str], Awaitable[None]]
"""Phone, connection (TLS is on), link -> a conversation."""

SERVICES: Final[dict[str, Service]] = {
    module.NAME: module.serve
    for module in (diagnostics_relay, heartbeat, mcinstall, notification_proxy, os_trace_relay)
}
"""Service name -> its actor."""


async def serve_service(name: str, phone: PhoneActor, channel: Channel, link: str, trusted: Pairing) -> None:
    """Hold one conversation of a service: TLS from the first byte, then the service's own protocol."""
    fault = phone.now().fault(f"service:{name}", link)
    if fault is not None and fault.kind == "slow":
        channel.pause = fault.pause
    elif fault is not None:
        if fault.kind != "refuse":
            await channel.start_tls(trusted.tls())
        await spoil(channel, b"\x00" * 8, fault)
        return
    await channel.start_tls(trusted.tls())
    await SERVICES[name](phone, channel, link)
