"""What would be run on a Mac, and what is believed of the answers; the Mac itself is played by a recorder."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from desktop_notifier import Capability, DesktopNotifier, Notification
from desktop_notifier.backends.dummy import DummyNotificationCenter

from backupwatch.alerts.message import DONE, SHOW_STEPS, SNOOZE_A_DAY, Message, Urgency
from backupwatch.delivery.channel import Outcome
from backupwatch.delivery.macos import OSASCRIPT, SCRIPT, MacChannel, Ran, ThisMac, event_loop_factory

ALERT = Message(
    id="alert-1",
    title="Anna’s iPhone: no backup for 9 days",
    body="iCloud storage is full.\nFirst step: open Settings.",
    urgency=Urgency.CRITICAL,
    actions=(SHOW_STEPS, SNOOZE_A_DAY, DONE),
    thread="phone/1",
    udid="1",
)
NASTY = '" & (do shell script "rm -rf ~") & "'
NOTIFIER = "/opt/homebrew/bin/terminal-notifier"


class Mac:
    """A Mac that writes down what it is asked to run."""

    def __init__(self, *, bundle: bool = False, notifier: bool = False, center: DesktopNotifier | None = None) -> None:
        self.bundle = bundle
        self.programs = {"terminal-notifier": NOTIFIER} if notifier else {}
        self.center = center
        self.ran: list[tuple[list[str], str]] = []
        self.answer: Any = lambda command: Ran(0, "")

    def signed_bundle(self) -> bool:
        return self.bundle

    def which(self, program: str) -> str | None:
        return self.programs.get(program)

    async def run(self, command: Sequence[str], stdin: str, seconds: float) -> Ran:
        self.ran.append((list(command), stdin))
        return self.answer(command)

    def notifier(self) -> DesktopNotifier:
        assert self.center is not None
        return self.center


class Lists:
    """terminal-notifier with a Notification Center that takes messages, or is no longer allowed to."""

    def __init__(self) -> None:
        self.taken, self.allowed = 0, True

    def __call__(self, command: Sequence[str]) -> Ran:
        if "-message" in command and self.allowed:
            self.taken += 1
        if "-list" not in command or not self.taken:
            return Ran(0, "")
        head = "GroupID\tTitle\tSubtitle\tMessage\tDelivered At\n"
        return Ran(0, f"{head}{command[-1]}\tAnna\t(null)\tfull\t2026-11-22 14:05:{self.taken:02} +0000\n")


async def test_osascript_gets_text_as_data_and_never_as_program() -> None:
    """A phone whose name is AppleScript is shown and not run: the program is constant, the text is an argument."""
    mac = Mac()
    receipt = await MacChannel(system=mac).deliver(replace(ALERT, title=NASTY, body=f"-e {NASTY}"))

    assert mac.ran == [([OSASCRIPT, "-", NASTY, f"-e {NASTY}", "Basso"], SCRIPT)]
    assert receipt.shown
    assert "cannot say whether it was displayed" in receipt.evidence
    assert "Script Editor" in receipt.detail


async def test_only_what_is_critical_makes_a_sound() -> None:
    """An ordinary message is silent."""
    mac = Mac()
    await MacChannel(system=mac).deliver(replace(ALERT, urgency=Urgency.NORMAL))

    assert mac.ran[0][0][-1] == ""


@pytest.mark.parametrize(
    ("ran", "outcome"),
    [(Ran(1, "0:5: execution error"), Outcome.LATER), (Ran(None, ""), Outcome.LATER), (Ran(127, ""), Outcome.NEVER)],
)
async def test_a_failing_osascript_is_not_a_success(ran: Ran, outcome: Outcome) -> None:
    """Refused, too slow or missing: each is said, none counts as shown."""
    mac = Mac()
    mac.answer = lambda _command: ran
    receipt = await MacChannel(system=mac).deliver(ALERT)

    assert (receipt.outcome, receipt.evidence) == (outcome, "")
    assert receipt.detail


async def test_terminal_notifier_is_preferred_and_must_prove_it() -> None:
    """Where terminal-notifier is installed, a message counts as shown when Notification Center lists it."""
    mac = Mac(notifier=True)
    mac.answer = Lists()
    receipt = await MacChannel(system=mac).deliver(replace(ALERT, link="file:///report.html#1"))

    _, command, listing = [command for command, _ in mac.ran]
    assert command[:7] == [NOTIFIER, "-title", ALERT.title, "-message", ALERT.body, "-group", "backupwatch:phone/1"]
    assert command[7] == "-appIcon"
    assert command[9:] == ["-sound", "Basso", "-open", "file:///report.html#1"]
    assert listing == [NOTIFIER, "-list", "backupwatch:phone/1"]
    assert receipt.shown
    assert receipt.evidence


async def test_terminal_notifier_that_is_not_allowed_is_said() -> None:
    """When Notification Center does not list the message, it is kept, and the person learns where to allow it."""
    mac = Mac(notifier=True)
    receipt = await MacChannel(system=mac).deliver(ALERT)

    assert receipt.outcome is Outcome.LATER
    assert "System Settings > Notifications" in receipt.detail


async def test_an_older_message_of_the_thread_is_no_proof_of_the_newer_one() -> None:
    """A reminder that Notification Center no longer takes, below the alert that it took last week."""
    mac, center = Mac(notifier=True), Lists()
    mac.answer = center
    channel = MacChannel(system=mac)
    assert (await channel.deliver(ALERT)).shown
    assert (await channel.deliver(ALERT)).shown
    center.allowed = False
    assert (await channel.deliver(ALERT)).outcome is Outcome.LATER


@pytest.mark.parametrize("title", ["[work] iPhone", "(work) iPhone", "-sender x", '"quoted"', "{a=b;}", "<b>", ""])
async def test_terminal_notifier_takes_odd_beginnings_as_text(title: str) -> None:
    """A name that begins with a bracket or a dash is escaped, so that it is not read as a list or an option."""
    mac = Mac(notifier=True)
    await MacChannel(system=mac).deliver(replace(ALERT, title=title))

    assert mac.ran[1][0][2] == f"\\{title}"


async def test_withdrawing_takes_the_message_away_where_that_is_possible() -> None:
    """A message that is no longer true leaves Notification Center by its group."""
    mac = Mac(notifier=True)
    mac.answer = Lists()
    channel = MacChannel(system=mac)
    await channel.deliver(ALERT)
    await channel.withdraw(ALERT.thread)

    assert mac.ran[-1][0] == [NOTIFIER, "-remove", "backupwatch:phone/1"]


class Center(DummyNotificationCenter):
    """Notification Center as the library's back end for it behaves (read in its source, release 6.2.0)."""

    def __init__(
        self, *, allowed: bool = True, capable: bool = True, refuses: bool = False, asks: bool = False
    ) -> None:
        super().__init__("backupwatch")
        self.allowed, self.capable, self.refuses, self.asks = allowed, capable, refuses, asks
        self.on_screen: dict[str, Notification] = {}

    async def request_authorisation(self) -> bool:
        if self.asks:
            await asyncio.Event().wait()
        return self.allowed

    async def has_authorisation(self) -> bool:
        return self.allowed

    async def _send(self, notification: Notification) -> None:
        if self.refuses:  # the library logs the system's refusal, and then says that it dispatched
            logging.getLogger("desktop_notifier.backends.macos").warning("Error when scheduling notification: code=1")
            return
        self.on_screen[notification.identifier] = notification

    async def _clear(self, identifier: str) -> None:
        self.on_screen.pop(identifier, None)

    async def _get_capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.TITLE, Capability.BUTTONS}) if self.capable else frozenset()


class Front(DesktopNotifier):
    def __init__(self, center: Center) -> None:
        super().__init__("backupwatch")
        self._backend = center


async def test_a_signed_bundle_speaks_for_itself_with_buttons() -> None:
    """Where Python is a signed application, the message goes through desktop-notifier and its buttons are heard."""
    heard: asyncio.Queue[tuple[str, str, str | None, str]] = asyncio.Queue()

    async def on_action(message_id: str, thread: str, udid: str | None, action: str) -> None:
        await heard.put((message_id, thread, udid, action))

    center = Center()
    mac = Mac(bundle=True, notifier=True, center=Front(center))
    channel = MacChannel(on_action, system=mac)
    receipt = await channel.deliver(ALERT)

    assert receipt.shown
    assert receipt.evidence
    assert mac.ran == []
    [(identifier, shown)] = center.on_screen.items()
    assert [button.title for button in shown.buttons] == ["Show steps", "Snooze 1 day", "I did this"]
    center.handle_button(identifier, "snooze", shown)
    assert await heard.get() == (ALERT.id, ALERT.thread, ALERT.udid, "snooze")
    center.handle_clicked(identifier, shown)
    assert (await heard.get())[-1] == "steps"


async def test_newer_news_replaces_older_news_of_its_thread() -> None:
    """Messages of one thread share an identifier, by which Notification Center replaces them."""
    center = Center()
    channel = MacChannel(system=Mac(bundle=True, center=Front(center)))
    await channel.deliver(ALERT)
    await channel.deliver(replace(ALERT, id="alert-2", title="newer"))
    await channel.deliver(replace(ALERT, id="alert-3", thread="phone/2", title="other"))

    assert [shown.title for shown in center.on_screen.values()] == ["newer", "other"]
    await channel.withdraw("phone/1")
    assert [shown.title for shown in center.on_screen.values()] == ["other"]


@pytest.mark.parametrize(
    ("center", "word"),
    [
        (Center(capable=False), "application"),
        (Center(allowed=False), "System Settings"),
        (Center(refuses=True), "refused"),
        (Center(asks=True), "allow"),
    ],
    ids=["not a real back end", "forbidden by the person", "refused by the system", "question not answered"],
)
async def test_dispatched_is_no_proof(center: Center, word: str, caplog: pytest.LogCaptureFixture) -> None:
    """The library says "dispatched" in each of these cases; we say that nobody saw it, and why."""
    channel = MacChannel(system=Mac(bundle=True, center=Front(center)), deadline=0.2)
    receipt = await channel.deliver(ALERT)

    assert receipt.outcome is Outcome.LATER
    assert word in receipt.detail
    assert "Anna" not in caplog.text


async def test_a_command_that_hangs_is_ended() -> None:
    """A helper program that never returns is killed at its deadline."""
    assert await ThisMac().run([sys.executable, "-c", "import time; time.sleep(60)"], "", 0.2) == Ran(None, "")


async def test_a_command_is_run_without_a_shell() -> None:
    """Arguments arrive as they are, and the program's text on its standard input."""
    program = "import sys; print(sys.argv[1:], sys.stdin.read())"
    ran = await ThisMac().run([sys.executable, "-c", program, "$(id)", "a b"], "stdin", 30)

    assert ran == Ran(0, "['$(id)', 'a b'] stdin\n")


async def test_a_missing_program_is_said() -> None:
    """A program that does not exist has the code that shells give it."""
    assert (await ThisMac().run(["/nonexistent/osascript"], "", 1)).code == 127


def test_only_a_signed_bundle_needs_the_other_event_loop() -> None:
    """Cocoa's run loop is asked for where buttons can work, and nowhere else."""
    assert event_loop_factory("linux") is None
    assert event_loop_factory("darwin", Mac()) is None
