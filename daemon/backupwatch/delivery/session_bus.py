"""desktop-notifier on a session bus, kept honest.

The library sends; what stands here is what it leaves out (seen in its release 6.2.0): which connection it uses, a
proof that a server took the message, the number of an earlier notification to replace, and an end. Imported only
when there is something to say, because it and its D-Bus library stay in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from dbus_fast import DBusError, Message, MessageType
from dbus_fast.aio import MessageBus, ProxyInterface
from desktop_notifier import DesktopNotifier, Icon, Notification
from desktop_notifier.backends.dbus import DBusDesktopNotifier

from backupwatch import text
from backupwatch.delivery import library
from backupwatch.delivery.library import APP_NAME, NotReachedError

BUS = "org.freedesktop.DBus"
SERVER = "org.freedesktop.Notifications"
SERVER_PATH = "/org/freedesktop/Notifications"


@dataclass(frozen=True)
class Server:
    """Who shows notifications on this bus, as it described itself.

    ``owner`` is its connection's unique name, which changes when it restarts, and ``bus`` the identity of the bus,
    which changes when that restarts; ``capabilities`` are the words of the Desktop Notifications Specification,
    such as ``actions`` and ``body-markup``.
    """

    name: str
    version: str
    bus: str
    owner: str
    capabilities: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()


def bus_address(environ: Mapping[str, str]) -> str:
    """The session bus's address, from the environment or at the place where systemd puts it.

    :raises NotReachedError: there is none (yet).
    """
    if address := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        socket = Path(runtime) / "bus"
        if socket.is_socket():
            return f"unix:path={socket}"
    raise NotReachedError("There is no desktop session here (no D-Bus session bus), so no screen to show it on")


class _Replacing:
    """The server's interface as the library sees it, with the number to replace where it always puts 0."""

    def __init__(self, interface: ProxyInterface) -> None:
        self._interface = interface
        self._replaces = 0
        self.number: object = None

    def prepare(self, replaces: int) -> None:
        """For the next notification: the number it replaces (0: none), and no answer yet."""
        self._replaces, self.number = replaces, None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._interface, name)

    async def call_notify(self, app_name: str, _replaces: int, *rest: Any) -> Any:
        self.number = await self._interface.call_notify(app_name, self._replaces, *rest)  # type: ignore[attr-defined]
        return self.number


class _BackEnd(DBusDesktopNotifier):
    """The library's back end on a connection that we opened, so that we can close it whatever happens."""

    def __init__(self, bus: MessageBus, icon: Icon, gone: Callable[[int], None]) -> None:
        super().__init__(APP_NAME, icon)
        self.bus = bus
        self._gone = gone
        self._closing: set[asyncio.Task[None]] = set()

    async def attach(self) -> _Replacing:
        """Meet the server; the same steps as the library's own, which would open a second connection."""
        interface = await self._init_on_bus()
        replacing = _Replacing(interface)
        self.interface = cast("ProxyInterface", replacing)
        return replacing

    async def _init_on_bus(self) -> ProxyInterface:
        introspection = await self.bus.introspect(SERVER, SERVER_PATH)
        proxy = self.bus.get_proxy_object(SERVER, SERVER_PATH, introspection)
        interface = proxy.get_interface(SERVER)
        for signal, callback in (
            ("on_notification_closed", self._on_closed),
            ("on_action_invoked", self._on_action),
        ):
            if hasattr(interface, signal):
                getattr(interface, signal)(callback)
        return interface

    def _on_action(self, nid: int, action_key: str) -> None:
        """Tell the button's handler, and take the notification away: not every server does so by itself (dunst)."""
        ours = nid in self._platform_to_interface_notification_identifier
        super()._on_action(nid, action_key)
        if ours:
            self._gone(nid)
            self._closing.add(task := asyncio.get_running_loop().create_task(self._close(nid)))
            task.add_done_callback(self._closing.discard)

    def _on_closed(self, nid: int, reason: int) -> None:
        super()._on_closed(nid, reason)
        self._gone(nid)

    async def _close(self, number: int) -> None:
        with suppress(Exception):  # it is gone already, or the server is
            async with asyncio.timeout(1):
                await self.interface.call_close_notification(number)  # type: ignore[union-attr]

    def identifier(self, number: int) -> str:
        """The library's name of a notification sent on this connection, else an empty text."""
        return self._platform_to_interface_notification_identifier.get(number, "")

    def forget(self, identifier: str) -> None:
        """Nobody will press a button of this notification any more."""
        self._clear_notification_from_cache(identifier)


class _Notifier(DesktopNotifier):
    """The library offers no way to choose a back end."""

    def __init__(self, backend: _BackEnd) -> None:
        super().__init__(APP_NAME, backend.app_icon)
        self._backend = backend


class SessionBus:
    """One connection to one notification server; thrown away after any failure."""

    def __init__(self, bus: MessageBus, backend: _BackEnd, interface: _Replacing, server: Server) -> None:
        self._bus = bus
        self._backend = backend
        self._interface = interface
        self._notifier = _Notifier(backend)
        self.server = server

    @classmethod
    async def open(cls, address: str, gone: Callable[[int], None]) -> SessionBus:
        """Connect, and let the server describe itself.

        :param gone: told the number of every notification that leaves the screen.
        :raises NotReachedError: there is no bus at ``address``, no server on it, or it talks nonsense.
        """
        try:
            bus = await MessageBus(bus_address=address).connect()
        except Exception as error:
            raise NotReachedError(f"The desktop session's D-Bus cannot be reached ({type(error).__name__})") from error
        try:
            await _expect_server(bus)
            backend = _BackEnd(bus, library.icon(), gone)
            interface = await backend.attach()
            return cls(bus, backend, interface, await _describe(bus, interface))
        except BaseException:
            bus.disconnect()
            raise

    async def alive(self) -> bool:
        """Whether the connection stands and the same server is still at its other end."""
        return self._bus.connected and await _owner(self._bus) == self.server.owner

    async def show(self, notification: Notification, *, replaces: int = 0) -> tuple[int, str]:
        """Send through desktop-notifier, and gather what proves that it arrived.

        :param replaces: number of the notification whose place it takes.
        :returns: the new notification's number, and the evidence.
        :raises NotReachedError: the proof is incomplete.
        """
        dispatched: list[str] = []
        self._notifier.on_dispatched = dispatched.append
        replaced = self._backend.identifier(replaces)
        self._interface.prepare(replaces)
        with library.warnings() as warnings:
            await self._notifier.send_notification(notification)
        if warnings:
            raise NotReachedError(f"{self.server} did not take the notification ({reason(warnings[0])})")
        number = self._interface.number
        if not dispatched or not isinstance(number, int) or number <= 0:
            raise NotReachedError(f"{self.server} gave the notification no number, so it may not have taken it")
        if not await self.alive():
            raise NotReachedError(f"{self.server} ended while it was taking the notification")
        self._backend.forget(replaced)
        if replaces not in {0, number}:
            await self.withdraw(replaces)
        return number, f"{self.server} took it as notification {number}"

    async def withdraw(self, number: int) -> None:
        """Take one notification off the screen; harmless when it is gone."""
        if identifier := self._backend.identifier(number):
            await self._notifier.clear(identifier)
        else:  # shown before a restart of ours
            with suppress(DBusError):
                await self._interface.call_close_notification(number)

    def disconnect(self) -> None:
        """End the connection; what is on the screen stays."""
        self._bus.disconnect()

    async def closed(self) -> None:
        """Return when the socket is closed, after :meth:`disconnect`."""
        if self._bus.connected:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


async def _expect_server(bus: MessageBus) -> None:
    """:raises NotReachedError: nobody shows notifications on this bus, and nobody would be started for it."""
    if await _owner(bus):
        return
    reply = await _ask_bus(bus, "ListActivatableNames")
    if reply.message_type is MessageType.ERROR or SERVER not in reply.body[0]:
        raise NotReachedError(
            "No notification server runs in this desktop session; if your desktop brings none, install one (dunst)"
        )


async def _describe(bus: MessageBus, interface: _Replacing) -> Server:
    """Who the server says it is, believed only as far as it keeps to the specification."""
    info = await interface.call_get_server_information()
    words = await interface.call_get_capabilities()
    strings = isinstance(info, list | tuple) and all(isinstance(part, str) for part in info)
    if not strings or len(info) < 3 or not text.plain(info[0]) or not isinstance(words, list):
        raise NotReachedError("The notification server does not say who it is, so nothing is trusted to it")
    owner = await _owner(bus)
    if not owner:
        raise NotReachedError("The notification server ended as soon as it was spoken to")
    return Server(
        name=text.plain(info[0], 40),
        version=text.plain(info[2], 20),
        bus=str((await _ask_bus(bus, "GetId")).body[0]),
        owner=owner,
        capabilities=frozenset(word for word in words if isinstance(word, str)),
    )


async def _owner(bus: MessageBus) -> str:
    """The unique name of the connection that shows notifications, empty when there is none."""
    reply = await _ask_bus(bus, "GetNameOwner", SERVER)
    return "" if reply.message_type is MessageType.ERROR else str(reply.body[0])


async def _ask_bus(bus: MessageBus, member: str, *names: str) -> Message:
    """Call one of the bus's own methods that take only names."""
    return await bus.call(
        Message(
            destination=BUS,
            path="/org/freedesktop/DBus",
            interface=BUS,
            member=member,
            signature="s" * len(names),
            body=list(names),
        )
    )


def reason(error: BaseException | str) -> str:
    """A few words about a failure that some other program caused."""
    if isinstance(error, str):
        return error
    if isinstance(error, DBusError):
        return text.plain(f"{error.type}: {error.text}", 120)
    return type(error).__name__  # its text may quote the message
