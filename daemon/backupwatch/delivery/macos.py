"""Speaking on macOS, by the best of three ways that this Python and this Mac offer.

1. desktop-notifier, when Python's own bundle is signed: Notification Center takes us for an application, and there
   are buttons. They need the main thread to run Cocoa's loop: start the daemon with
   ``asyncio.Runner(loop_factory=event_loop_factory())``.
2. ``terminal-notifier``, when it is installed: no buttons, but it can be asked what Notification Center has taken.
3. ``/usr/bin/osascript``, which every Mac has: no buttons, shown as "Script Editor", and no way to learn whether
   anything was displayed.

Everything that touches macOS goes through :class:`System`, so that the choice and the exact command lines can be
tried anywhere. Text travels as an argument, never as part of a program.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from backupwatch import icons, text
from backupwatch.alerts.message import Message, Urgency
from backupwatch.delivery.channel import ActionHandler, Outcome, Receipt

if TYPE_CHECKING:
    from desktop_notifier import DesktopNotifier

    from backupwatch.delivery.library import Reactions

DEADLINE = 15.0
"""Seconds for one message; on the first one the person may be reading the system's question meanwhile."""

OSASCRIPT = "/usr/bin/osascript"

# Read from standard input ("-"), after which every argument is data for ``run``, even one that begins with a dash.
SCRIPT = """on run argv
    if item 3 of argv is "" then
        display notification (item 2 of argv) with title (item 1 of argv)
    else
        display notification (item 2 of argv) with title (item 1 of argv) sound name (item 3 of argv)
    end if
end run
"""

_SOUND = "Basso"  # one of the alert sounds in /System/Library/Sounds


@dataclass(frozen=True)
class Ran:
    """How a command ended; ``code`` is ``None`` when it was ended by us because it took too long."""

    code: int | None
    output: str


class System(Protocol):
    """What this module needs of a Mac."""

    def signed_bundle(self) -> bool:
        """Whether Python runs from a signed application bundle."""
        ...

    def which(self, program: str) -> str | None:
        """The path of an installed program."""
        ...

    async def run(self, command: Sequence[str], stdin: str, seconds: float) -> Ran:
        """Run a command without a shell, for at most ``seconds``."""
        ...

    def notifier(self) -> DesktopNotifier:
        """desktop-notifier's front end."""
        ...


class ThisMac:
    """The real thing."""

    def signed_bundle(self) -> bool:
        """As desktop-notifier finds it out; any doubt counts as no."""
        try:
            from desktop_notifier.backends.macos_support import is_signed_bundle

            from backupwatch.delivery import library

            with library.warnings():
                return is_signed_bundle()
        except Exception:  # noqa: BLE001 - Objective-C's own errors; there are two other ways to speak
            return False

    def which(self, program: str) -> str | None:
        """Also where Homebrew and MacPorts install, which a login agent's PATH leaves out."""
        places = ("/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin")
        return shutil.which(program) or shutil.which(program, path=":".join(places))

    async def run(self, command: Sequence[str], stdin: str, seconds: float) -> Ran:
        """Output and errors together, at most what fits in a message."""
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            return Ran(127, type(error).__name__)
        try:
            output, _ = await asyncio.wait_for(child.communicate(stdin.encode()), seconds)
        except TimeoutError:
            return Ran(None, "")
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        return Ran(child.returncode, output.decode("utf-8", "replace"))

    def notifier(self) -> DesktopNotifier:
        """With the name and icon of the bundle, which macOS insists on."""
        from desktop_notifier import DesktopNotifier

        from backupwatch.delivery import library

        return DesktopNotifier(library.APP_NAME, library.icon())


class MacChannel:
    """Notification Center, reached by the best way there is."""

    name = "desktop"

    def __init__(
        self, on_action: ActionHandler | None = None, *, deadline: float = DEADLINE, system: System | None = None
    ) -> None:
        """Prepare; nothing is imported or asked before the first message.

        :param on_action: told of pressed buttons, where there are any.
        :param deadline: seconds after which an attempt is given up.
        """
        self._on_action = on_action
        self._deadline = deadline
        self._system = system or ThisMac()
        self._way: Way | None = None

    async def deliver(self, message: Message) -> Receipt:
        """Show ``message``, with as much proof as the chosen way can give."""
        try:
            async with asyncio.timeout(self._deadline):
                return await self._choose().deliver(message)
        except TimeoutError:
            return _later(
                f"Notification Center did not answer within {self._deadline:g} seconds; "
                "if macOS asks whether notifications are allowed, allow them"
            )
        except Exception as error:  # noqa: BLE001 - Objective-C's own errors end here
            self._way = None
            return _later(f"Notification Center could not be used ({type(error).__name__})")

    async def withdraw(self, thread: str) -> None:
        """Take the message of ``thread`` out of Notification Center, where the chosen way can."""
        if self._way is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(self._deadline):
                    await self._way.withdraw(thread)

    async def close(self) -> None:
        """Forget the way; messages stay."""
        self._way = None

    def _choose(self) -> Way:
        if self._way is None:
            if self._system.signed_bundle():
                self._way = NotificationCenter(self._system, self._on_action)
            elif program := self._system.which("terminal-notifier"):
                self._way = TerminalNotifier(self._system, program, self._deadline)
            else:
                self._way = OsaScript(self._system, self._deadline)
        return self._way


class Way(Protocol):
    """One way to reach Notification Center."""

    async def deliver(self, message: Message) -> Receipt:
        """Show it."""
        ...

    async def withdraw(self, thread: str) -> None:
        """Take it away."""
        ...


class NotificationCenter:
    """As an application, through desktop-notifier."""

    def __init__(self, system: System, on_action: ActionHandler | None) -> None:
        self._system = system
        self._on_action = on_action
        self._notifier: DesktopNotifier | None = None
        self._reactions: Reactions | None = None

    async def deliver(self, message: Message) -> Receipt:
        """Shown: there is a real back end, the person allows it, and the system took the request without complaint."""
        from desktop_notifier import DEFAULT_SOUND

        from backupwatch.delivery import library

        self._reactions = self._reactions or library.Reactions(self._on_action)
        dispatched: list[str] = []
        with library.warnings() as warnings:
            notifier = self._notifier = self._notifier or self._system.notifier()
            if not await notifier.get_capabilities():
                return _later("Python does not run from an application that may show notifications")
            await notifier.request_authorisation()  # returns when the person has answered the system's question
            if not await notifier.has_authorisation():
                return _later("macOS does not allow notifications; allow them in System Settings > Notifications")
            notifier.on_dispatched = dispatched.append
            # The same identifier takes the earlier one's place (UNUserNotificationCenter).
            await notifier.send_notification(
                library.notification(
                    message,
                    self._reactions,
                    body=message.body,
                    buttons=True,
                    sound=DEFAULT_SOUND,
                    identifier=_group(message.thread or message.id),
                )
            )
        if warnings or not dispatched:
            return _later("Notification Center refused the message")
        return Receipt(Outcome.SHOWN, MacChannel.name, evidence="Notification Center took it, and may show it")

    async def withdraw(self, thread: str) -> None:
        """By the identifier that its thread gave it."""
        if self._notifier is not None:
            await self._notifier.clear(_group(thread))


class TerminalNotifier:
    """Through ``terminal-notifier``, whose ``-list`` says what Notification Center has taken."""

    def __init__(self, system: System, program: str, deadline: float) -> None:
        self._system = system
        self._program = program
        self._time = deadline / 3

    async def deliver(self, message: Message) -> Receipt:
        """Shown: Notification Center lists it afterwards, other than the older one of its thread."""
        group = _group(message.thread or message.id)
        command = [self._program, "-title", _value(message.title), "-message", _value(message.body), "-group", group]
        command += ["-appIcon", icons.png(128).as_uri()]
        if message.urgency is Urgency.CRITICAL:
            command += ["-sound", _SOUND]
        if message.link:
            command += ["-open", message.link]
        before = await self._listed(group)
        await self._system.run(command, "", self._time)  # some releases wait for a click: the list is what counts
        if await self._listed(group) - before:
            return Receipt(Outcome.SHOWN, MacChannel.name, evidence="Notification Center lists it (terminal-notifier)")
        return _later(
            "Notification Center did not take the message from terminal-notifier; "
            "allow it in System Settings > Notifications"
        )

    async def _listed(self, group: str) -> set[str]:
        """The lines about a group: title, text and moment of delivery."""
        listed = await self._system.run([self._program, "-list", group], "", self._time)
        return {line for line in listed.output.splitlines() if line.split("\t")[0] == group}

    async def withdraw(self, thread: str) -> None:
        """By its group."""
        await self._system.run([self._program, "-remove", _group(thread)], "", self._time)


class OsaScript:
    """Through AppleScript."""

    def __init__(self, system: System, deadline: float) -> None:
        self._system = system
        self._time = deadline * 0.9

    async def deliver(self, message: Message) -> Receipt:
        """Shown as far as can be known: macOS took the command, and tells nobody whether it displayed anything.

        Waiting for a proof that cannot come would repeat the message for ever, so the receipt says what is known.
        """
        sound = _SOUND if message.urgency is Urgency.CRITICAL else ""
        ran = await self._system.run([OSASCRIPT, "-", message.title, message.body, sound], SCRIPT, self._time)
        if ran.code == 0:
            return Receipt(
                Outcome.SHOWN,
                MacChannel.name,
                evidence="macOS took it from osascript, which cannot say whether it was displayed",
                detail="If nothing appears, allow Script Editor in System Settings > Notifications,"
                " or install terminal-notifier.",
            )
        if ran.code == 127:
            return Receipt(Outcome.NEVER, MacChannel.name, detail=f"This Mac has no {OSASCRIPT}.")
        said = text.plain(ran.output, 100) if ran.code is not None else "it did not end in time"
        return _later(f"osascript could not show the message ({said})")

    async def withdraw(self, thread: str) -> None:
        """Not possible: AppleScript cannot take a notification back."""


async def allowed(system: System | None = None, *, deadline: float = 5.0) -> bool | None:
    """Whether the person lets this Python show notifications; None where that cannot be known without sending one.

    :param deadline: seconds to wait for macOS.
    """
    mac = system or ThisMac()
    if not mac.signed_bundle():
        return None
    from backupwatch.delivery import library

    try:
        with library.warnings():
            async with asyncio.timeout(deadline):
                notifier = mac.notifier()
                return await notifier.has_authorisation() if await notifier.get_capabilities() else None
    except Exception:  # noqa: BLE001 - Objective-C's own errors, and a macOS that does not answer
        return None


def event_loop_factory(platform: str = sys.platform, system: System | None = None) -> Callable[[], Any] | None:
    """For ``asyncio.Runner(loop_factory=…)`` in the main thread of the daemon; ``None`` where asyncio's own will do.

    Cocoa calls button handlers from the main thread's CFRunLoop. rubicon-objc, which desktop-notifier brings along
    on macOS, has an asyncio loop that runs on it.
    """
    if platform != "darwin" or not (system or ThisMac()).signed_bundle():
        return None
    from rubicon.objc import eventloop

    # Newer releases offer the loop itself, older ones only by way of a policy.
    factory: Callable[[], Any] = (
        getattr(eventloop, "RubiconEventLoop", None) or eventloop.EventLoopPolicy().new_event_loop
    )
    return factory


def _group(thread: str) -> str:
    """A thread's name as an identifier for Notification Center: one field of a tab-separated list."""
    return f"backupwatch:{text.plain(thread, 200)}"


def _value(words: str) -> str:
    """A value for terminal-notifier, which takes some first signs for a list or an option; it drops the backslash."""
    return words if words[:1].isalnum() else f"\\{words}"


def _later(detail: str) -> Receipt:
    return Receipt(Outcome.LATER, MacChannel.name, detail=f"{detail}.")
