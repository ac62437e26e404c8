"""An alert as people get it, and a listener for its buttons."""

from __future__ import annotations

import asyncio

from backupwatch.alerts.message import DONE, SHOW_STEPS, SNOOZE_A_DAY, Message, Urgency

ALERT = Message(
    id="alert-1",
    title="Anna’s iPhone: no backup for 9 days",
    body=(
        "iCloud storage is full: 5.0 of 5.0 GB used, and the next backup needs about 1.2 GB.\n"
        "First step: on the iPhone open Settings > Anna > iCloud > Storage."
    ),
    urgency=Urgency.CRITICAL,
    actions=(SHOW_STEPS, SNOOZE_A_DAY, DONE),
    thread="phone/00008140-001C2D3E4F50001C",
    udid="00008140-001C2D3E4F50001C",
)


class Presses:
    """Remembers pressed buttons, and lets a test wait for the next one."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[str, str, str | None, str]] = asyncio.Queue()

    async def __call__(self, message_id: str, thread: str, udid: str | None, action: str) -> None:
        await self._queue.put((message_id, thread, udid, action))

    async def next(self) -> tuple[str, str, str | None, str]:
        return await asyncio.wait_for(self._queue.get(), 10)

    def none(self) -> bool:
        return self._queue.empty()
