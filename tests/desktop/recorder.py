"""A second, minimal notification server of our own on a real bus: it writes down every call and can misbehave.

It lives in the test's event loop. Dunst is the judge of what a person sees; this one shows what dunst cannot: a
server without buttons or markup, one that hangs, lies, refuses or dies in the middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import ErrorType, Message, MessageType
from dbus_fast.aio import MessageBus

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"

INTROSPECTION = """<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<node><interface name="org.freedesktop.Notifications">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="CloseNotification"><arg type="u" direction="in"/></method>
  <method name="GetCapabilities"><arg type="as" direction="out"/></method>
  <method name="GetServerInformation">
    <arg type="s" direction="out"/><arg type="s" direction="out"/>
    <arg type="s" direction="out"/><arg type="s" direction="out"/>
  </method>
  <signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
</interface></node>
"""


@dataclass(frozen=True)
class Call:
    """One Notify call, as it came over the bus."""

    number: int
    app: str
    replaces: int
    icon: str
    title: str
    body: str
    actions: dict[str, str]
    hints: dict[str, Any]
    timeout: int


@dataclass
class Recorder:
    """The server. ``answers`` replaces the reply to a member; ``silent`` members are never answered."""

    address: str
    capabilities: tuple[str, ...] = ("body", "body-markup", "actions")
    answers: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    on_call: Callable[[str], None] | None = None
    honours_replaces: bool = True
    calls: list[Call] = field(default_factory=list)
    on_screen: dict[int, Call] = field(default_factory=dict)
    _last: int = 0
    _bus: MessageBus | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Take the name; returns when calls will be answered."""
        self._bus = await MessageBus(bus_address=self.address).connect()
        self._bus.add_message_handler(self._handle)
        await self._bus.request_name(NAME)

    async def stop(self) -> None:
        """End like a program that was killed: the notifications are gone, nobody is told."""
        if self._bus is not None:
            self._bus.disconnect()
            await self._bus.wait_for_disconnect()
            self._bus = None
        self.on_screen.clear()

    async def press(self, number: int, action: str) -> None:
        """The person presses a button."""
        await self._signal("ActionInvoked", "us", [number, action])

    async def dismiss(self, number: int) -> None:
        """The person closes the notification (reason 2 of the specification)."""
        self.on_screen.pop(number, None)
        await self._signal("NotificationClosed", "uu", [number, 2])

    async def screen_is_empty(self) -> None:
        """Return as soon as the last notification was closed."""
        async with asyncio.timeout(10):
            while self.on_screen:
                self._changed.clear()
                await self._changed.wait()

    async def _signal(self, member: str, signature: str, body: list[Any]) -> None:
        assert self._bus is not None
        await self._bus.send(Message.new_signal(PATH, NAME, member, signature, body))

    def _handle(self, call: Message) -> Message | bool | None:
        if call.message_type is not MessageType.METHOD_CALL or call.path != PATH:
            return None
        if self.on_call is not None:
            self.on_call(call.member)
        if call.member in self.silent:
            return True
        if call.member in self.errors:
            return Message.new_error(call, ErrorType.FAILED, self.errors[call.member])
        reply = self._reply(call)
        signature, body = self.answers.get(call.member, reply)
        return Message.new_method_return(call, signature, body)

    def _reply(self, call: Message) -> tuple[str, list[Any]]:
        if call.member == "Introspect":
            return "s", [INTROSPECTION]
        if call.member == "GetServerInformation":
            return "ssss", ["recorder", "backupwatch tests", "1.0", "1.2"]
        if call.member == "GetCapabilities":
            return "as", [list(self.capabilities)]
        if call.member == "CloseNotification":
            self.on_screen.pop(call.body[0], None)
            self._changed.set()
            return "", []
        assert call.member == "Notify", call.member
        return "u", [self._notify(*call.body)]

    def _notify(self, app: str, replaces: int, icon: str, title: str, body: str, actions: list[str], *rest: Any) -> int:
        if not (replaces and self.honours_replaces):
            self._last += 1
        number = replaces if replaces and self.honours_replaces else self._last
        hints, timeout = rest
        call = Call(
            number,
            app,
            replaces,
            icon,
            title,
            body,
            dict(zip(actions[::2], actions[1::2], strict=True)),
            {key: variant.value for key, variant in hints.items()},
            timeout,
        )
        self.calls.append(call)
        self.on_screen[number] = call
        return number
