"""Speaking on a Linux desktop, through desktop-notifier.

Nothing is imported or connected before there is something to say. After any failure the connection is thrown away
and the next message starts with a new one: a session bus that appears after the login, a bus or a notification
server that restarts, all heal by themselves at the next attempt.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backupwatch import text
from backupwatch.alerts.message import Message
from backupwatch.delivery.channel import ActionHandler, Outcome, Receipt
from backupwatch.delivery.on_screen import OnScreen

if TYPE_CHECKING:
    from desktop_notifier import Notification

    from backupwatch.delivery.library import Reactions
    from backupwatch.delivery.session_bus import Server, SessionBus

DEADLINE = 10.0
"""Seconds for one message, a notification server that the bus must first start included."""


_WARNING_SOUND = "dialog-warning"  # a name of the freedesktop.org Sound Naming Specification
_LEFT_TO_RIGHT, _ISOLATE = "\u200e", "\u2068"


class DesktopChannel:
    """Notifications of the freedesktop.org kind, on the session bus."""

    name = "desktop"

    def __init__(
        self,
        on_action: ActionHandler | None = None,
        *,
        deadline: float = DEADLINE,
        environ: Mapping[str, str] = os.environ,
        memory: Path | None = None,
    ) -> None:
        """Prepare; nothing is connected yet.

        :param on_action: told of pressed buttons and clicks for as long as this channel is open.
        :param deadline: seconds after which an attempt is given up.
        :param environ: where to look for the session bus, at every attempt anew.
        :param memory: a file, best in the runtime directory, by which messages shown before a restart of ours can
            still be replaced and withdrawn.
        """
        self._on_action = on_action
        self._deadline = deadline
        self._environ = environ
        self._lock = asyncio.Lock()
        self._reactions: Reactions | None = None
        self._session: SessionBus | None = None
        self._on_screen = OnScreen(memory)

    async def deliver(self, message: Message) -> Receipt:
        """Show ``message``; ``shown`` only when a server that named itself gave it a number and is still there."""
        try:
            async with asyncio.timeout(self._deadline), self._lock:
                evidence = await self._attempt(message)
        except TimeoutError:
            return self._later(f"The notification server did not answer within {self._deadline:g} seconds")
        except Exception as error:  # noqa: BLE001 - whatever a bus or a server makes the library raise
            return self._later(_sentence(error))
        return Receipt(Outcome.SHOWN, self.name, evidence=evidence)

    async def withdraw(self, thread: str) -> None:
        """Take the newest message of ``thread`` off the screen if it is still there."""
        try:
            async with asyncio.timeout(self._deadline), self._lock:
                await self._take_away(thread)
        except Exception:  # noqa: BLE001 - a server that is gone has taken its notifications with it
            self._drop()

    async def close(self) -> None:
        """Disconnect; from here on nobody hears the buttons."""
        session, self._session = self._session, None
        if self._reactions is not None:
            self._reactions.cancel()
        if session is not None:
            session.disconnect()
            with suppress(Exception):  # it is going away in any case
                async with asyncio.timeout(1):
                    await session.closed()

    async def _attempt(self, message: Message) -> str:
        try:
            session = await self._connected()
            notification = self._notification(message, session.server)
            number, evidence = await session.show(notification, replaces=self._on_screen.number(message.thread))
        except BaseException:
            self._drop()
            raise
        self._on_screen.shown(message.thread, number)
        return evidence

    async def _take_away(self, thread: str) -> None:
        if not self._on_screen.number(thread):
            return
        session = await self._connected()
        if number := self._on_screen.number(thread):  # it is the same server as before
            await session.withdraw(number)
            self._on_screen.gone(number)

    async def _connected(self) -> SessionBus:
        from backupwatch.delivery import session_bus

        if self._session is not None and not await self._session.alive():
            self._drop()
        if self._session is None:
            address = session_bus.bus_address(self._environ)
            self._session = await session_bus.SessionBus.open(address, self._on_screen.gone)
            self._on_screen.meet(f"{self._session.server.bus} {self._session.server.owner}")
        return self._session

    def _notification(self, message: Message, server: Server) -> Notification:
        """What this server can show of ``message``: markup escaped only where it is parsed, buttons only if any."""
        from desktop_notifier import Sound

        from backupwatch.delivery import library

        self._reactions = self._reactions or library.Reactions(self._on_action)
        body = _sendable(message.body)
        return library.notification(
            replace(message, title=_sendable(message.title)),
            self._reactions,
            body=text.markup(body) if "body-markup" in server.capabilities else body,
            buttons="actions" in server.capabilities,
            sound=Sound(name=_WARNING_SOUND) if "sound" in server.capabilities else None,
        )

    def _drop(self) -> None:
        """Forget the connection; the next attempt makes a new one."""
        session, self._session = self._session, None
        if session is not None:
            session.disconnect()

    def _later(self, detail: str) -> Receipt:
        return Receipt(Outcome.LATER, self.name, detail=f"{detail}.")


def _sendable(words: str) -> str:
    """What D-Bus can carry and Pango lays out rightly.

    D-Bus wants valid UTF-8 without NUL. Pango takes a line's direction from its first strong letter and looks
    into isolates for it, so that our sentence about a phone with a right-to-left name would run backwards.
    """
    carried = words.encode("utf-8", "replace").decode().replace("\0", "")
    return "\n".join(_LEFT_TO_RIGHT + line if _ISOLATE in line else line for line in carried.split("\n"))


def _sentence(error: Exception) -> str:
    from backupwatch.delivery import library, session_bus

    if isinstance(error, library.NotReachedError):
        return str(error)
    return f"The notification server could not be used ({session_bus.reason(error)})"
