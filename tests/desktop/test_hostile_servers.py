"""Delivery never lies and never hangs: servers that are missing, poor, restarting, silent or talking nonsense."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from harness import PrivateBus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorder import INTROSPECTION, Recorder
from sample_alert import ALERT, Presses

from backupwatch.alerts.message import Urgency
from backupwatch.delivery.channel import Outcome
from backupwatch.delivery.desktop import DesktopChannel

pytestmark = pytest.mark.desktop

Channels = Callable[..., DesktopChannel]


async def test_no_desktop_session_is_said_in_plain_words() -> None:
    """Without a session bus the message is kept for later, with one line that says why."""
    receipt = await DesktopChannel(environ={}).deliver(ALERT)

    assert receipt.outcome is Outcome.LATER
    assert receipt.evidence == ""
    assert "no desktop session" in receipt.detail
    assert "\n" not in receipt.detail


async def test_no_notification_server_is_said_in_plain_words(bus: PrivateBus, channel_on: Channels) -> None:
    """On a bus without a notification server the message is kept for later, with one line that says why."""
    receipt = await channel_on(bus.address).deliver(ALERT)

    assert receipt.outcome is Outcome.LATER
    assert "No notification server" in receipt.detail


async def test_a_session_that_starts_after_us_is_found(bus: PrivateBus, channel_on: Channels) -> None:
    """The bus and then the server appear after the daemon started: the same channel succeeds at last."""
    bus.stop()
    channel = channel_on(bus.address)
    assert (await channel.deliver(ALERT)).outcome is Outcome.LATER
    bus.start()
    assert (await channel.deliver(ALERT)).outcome is Outcome.LATER
    recorder = Recorder(bus.address)
    await recorder.start()

    assert (await channel.deliver(ALERT)).outcome is Outcome.SHOWN
    await recorder.stop()


async def test_a_bus_at_its_usual_place_is_found_without_a_variable(
    bus: PrivateBus, recorder: Recorder, presses: Presses
) -> None:
    """Over SSH or from cron the bus is found in the runtime directory, where systemd puts it."""
    channel = DesktopChannel(presses, environ={"XDG_RUNTIME_DIR": str(bus.folder)})

    assert (await channel.deliver(ALERT)).shown
    await channel.close()


async def test_a_restarted_bus_is_found_again(bus: PrivateBus, recorder: Recorder, channel_on: Channels) -> None:
    """When the session bus restarts between two messages, the second is shown all the same."""
    channel = channel_on(bus.address)
    assert (await channel.deliver(ALERT)).shown
    await recorder.stop()
    bus.stop()
    bus.start()
    await recorder.start()

    assert (await channel.deliver(ALERT)).shown


async def test_nothing_is_connected_before_there_is_something_to_say(
    bus: PrivateBus, recorder: Recorder, channel_on: Channels
) -> None:
    """A channel at rest holds no connection and asks nobody anything."""
    asked: list[str] = []
    recorder.on_call = asked.append
    channel = channel_on(bus.address)
    await channel.withdraw(ALERT.thread)

    assert asked == []


async def test_a_server_without_markup_gets_the_plain_text(recorder: Recorder, channel_on: Channels) -> None:
    """Where no markup is parsed, <b> and & are sent as they are and not as entities."""
    recorder.capabilities = ("body", "actions")
    await channel_on(recorder.address).deliver(replace(ALERT, body="<b>Eve</b> & Co"))

    assert recorder.calls[0].body == "<b>Eve</b> & Co"


async def test_a_server_with_markup_gets_entities_in_the_text_only(recorder: Recorder, channel_on: Channels) -> None:
    """Where markup is parsed it is parsed in the text alone: the title is plain by the specification."""
    await channel_on(recorder.address).deliver(replace(ALERT, title="<i>&", body="<b>Eve</b> & Co"))

    assert (recorder.calls[0].title, recorder.calls[0].body) == ("<i>&", "&lt;b&gt;Eve&lt;/b&gt; &amp; Co")


async def test_a_server_without_buttons_gets_none(recorder: Recorder, channel_on: Channels) -> None:
    """Buttons are offered only to a server that can show them."""
    recorder.capabilities = ("body",)
    await channel_on(recorder.address).deliver(ALERT)

    assert set(recorder.calls[0].actions) <= {"default"}


async def test_sound_is_for_what_is_critical(recorder: Recorder, channel_on: Channels) -> None:
    """A sound is asked for critical messages alone."""
    recorder.capabilities = ("body", "sound")
    channel = channel_on(recorder.address)
    await channel.deliver(replace(ALERT, urgency=Urgency.NORMAL))
    await channel.deliver(ALERT)

    assert ["sound-name" in call.hints for call in recorder.calls] == [False, True]


async def test_every_button_tells_its_name(recorder: Recorder, channel_on: Channels, presses: Presses) -> None:
    """Each button, and a click, reaches the handler with the message it belongs to; then the message is taken away."""
    channel = channel_on(recorder.address)
    heard = []
    for action in ("steps", "snooze", "done", "default"):
        await channel.deliver(ALERT)
        await recorder.press(recorder.calls[-1].number, action)
        heard.append(await presses.next())

    assert heard == [(ALERT.id, ALERT.thread, ALERT.udid, name) for name in ("steps", "snooze", "done", "steps")]
    await recorder.screen_is_empty()


async def test_presses_that_are_not_ours_are_ignored(
    recorder: Recorder, channel_on: Channels, presses: Presses
) -> None:
    """A button of another program's notification, or one that does not exist, does nothing to us."""
    channel = channel_on(recorder.address)
    await channel.deliver(ALERT)
    await recorder.press(4711, "snooze")
    await recorder.press(recorder.calls[-1].number, "format-disk")
    await channel.deliver(ALERT)

    assert presses.none()


async def test_a_dismissed_message_is_not_replaced_but_shown_anew(recorder: Recorder, channel_on: Channels) -> None:
    """Once the person has closed a message, the next one of its thread is a new one."""
    channel = channel_on(recorder.address)
    await channel.deliver(ALERT)
    await recorder.dismiss(recorder.calls[0].number)
    await channel.deliver(ALERT)

    assert [call.replaces for call in recorder.calls] == [0, 0]


async def test_newer_news_takes_the_place_of_older_without_a_flicker(recorder: Recorder, channel_on: Channels) -> None:
    """The server is told which notification to replace, so that the message changes where it stands."""
    channel = channel_on(recorder.address)
    for number in range(3):
        await channel.deliver(replace(ALERT, id=str(number)))

    assert [call.replaces for call in recorder.calls] == [0, 1, 1]


async def test_a_refusal_is_told_in_the_servers_words(recorder: Recorder, channel_on: Channels) -> None:
    """When a server says why it refuses, the person can read it."""
    recorder.errors = {"Notify": "the queue is full"}

    assert "the queue is full" in (await channel_on(recorder.address).deliver(ALERT)).detail


async def test_a_message_from_before_a_crash_is_replaced(bus: PrivateBus, recorder: Recorder, tmp_path: Path) -> None:
    """What was shown before the daemon died can still be replaced and withdrawn by the one that follows it."""
    environ = {"DBUS_SESSION_BUS_ADDRESS": bus.address}
    memory = tmp_path / "run" / "desktop.json"
    dead = DesktopChannel(environ=environ, memory=memory)
    await dead.deliver(ALERT)
    await dead.deliver(replace(ALERT, thread="other"))
    await dead.close()
    alive = DesktopChannel(environ=environ, memory=memory)
    await alive.deliver(ALERT)
    await alive.withdraw("other")
    await alive.close()

    assert [call.replaces for call in recorder.calls] == [0, 0, 1]
    assert list(recorder.on_screen) == [1]
    assert memory.stat().st_mode & 0o077 == 0


async def test_numbers_of_another_server_are_not_believed(recorder: Recorder, tmp_path: Path, bus: PrivateBus) -> None:
    """After the notification server restarted, nothing is replaced or closed: the number may be somebody else's."""
    asked: list[str] = []
    recorder.on_call = asked.append
    channel = DesktopChannel(environ={"DBUS_SESSION_BUS_ADDRESS": bus.address}, memory=tmp_path / "desktop.json")
    await channel.deliver(ALERT)
    await channel.deliver(replace(ALERT, thread="other"))
    await recorder.stop()
    await recorder.start()
    await channel.withdraw("other")
    await channel.deliver(ALERT)
    await channel.close()

    assert [call.replaces for call in recorder.calls] == [0, 0, 0]
    assert "CloseNotification" not in asked


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"server": 1, "numbers": [1]}', '{"server": "x", "numbers": {"a": "b"}}']
)
async def test_a_damaged_memory_is_ignored(recorder: Recorder, tmp_path: Path, damage: str) -> None:
    """A broken note about what is on the screen never stops a message."""
    memory = tmp_path / "desktop.json"
    memory.write_text(damage)
    channel = DesktopChannel(environ={"DBUS_SESSION_BUS_ADDRESS": recorder.address}, memory=memory)

    assert (await channel.deliver(ALERT)).shown
    await channel.close()


async def test_a_momentary_failure_does_not_make_doubles(recorder: Recorder, channel_on: Channels) -> None:
    """When a server refuses one update and takes the next, the message still stands once."""
    channel = channel_on(recorder.address)
    await channel.deliver(ALERT)
    recorder.errors = {"Notify": "busy"}
    await channel.deliver(ALERT)
    recorder.errors = {}
    await channel.deliver(ALERT)

    assert len(recorder.on_screen) == 1


async def test_nothing_piles_up_where_replacing_is_not_known(recorder: Recorder, channel_on: Channels) -> None:
    """On a server that ignores the number to replace, the older message is closed once the newer is shown."""
    recorder.honours_replaces = False
    channel = channel_on(recorder.address)
    await channel.deliver(ALERT)
    await channel.deliver(replace(ALERT, id="alert-2"))

    assert list(recorder.on_screen) == [2]


async def test_messages_without_a_thread_stand_side_by_side(recorder: Recorder, channel_on: Channels) -> None:
    """An empty thread replaces nothing."""
    channel = channel_on(recorder.address)
    await channel.deliver(replace(ALERT, thread=""))
    await channel.deliver(replace(ALERT, thread=""))

    assert len(recorder.on_screen) == 2


@pytest.mark.parametrize("member", ["Introspect", "GetServerInformation", "GetCapabilities", "Notify"])
async def test_a_silent_server_costs_its_deadline_and_no_more(
    recorder: Recorder, channel_on: Channels, member: str
) -> None:
    """A server that never answers: the message is kept for later, and shown once the server is well again."""
    recorder.silent = {member}
    channel = channel_on(recorder.address, deadline=0.3)
    receipt = await channel.deliver(ALERT)

    assert receipt.outcome is Outcome.LATER
    assert "did not answer within 0.3 seconds" in receipt.detail
    recorder.silent = set()
    assert (await channel_on(recorder.address).deliver(ALERT)).shown


async def test_many_messages_to_a_silent_server_share_one_deadline(recorder: Recorder, channel_on: Channels) -> None:
    """Messages that wait behind a hanging one are given back too, instead of queueing for ever."""
    recorder.silent = {"Notify"}
    channel = channel_on(recorder.address, deadline=0.3)
    async with asyncio.timeout(5):
        receipts = await asyncio.gather(*(channel.deliver(replace(ALERT, id=str(n))) for n in range(50)))

    assert {receipt.outcome for receipt in receipts} == {Outcome.LATER}


NONSENSE = {
    "no number": ({"Notify": ("u", [0])}, {}),
    "a word for a number": ({"Notify": ("s", ["twelve"])}, {}),
    "nothing for a number": ({"Notify": ("", [])}, {}),
    "no name": ({"GetServerInformation": ("ssss", ["", "", "", ""])}, {}),
    "a number for a name": ({"GetServerInformation": ("u", [7])}, {}),
    "numbers as capabilities": ({"GetCapabilities": ("au", [[1, 2, 3]])}, {}),
    "a description that is no XML": ({"Introspect": ("s", ["]]>"])}, {}),
    "a description of something else": ({"Introspect": ("s", ["<node/>"])}, {}),
    "a description without Notify": (
        {"Introspect": ("s", [INTROSPECTION.replace('"Notify"', '"Whisper"')])},
        {},
    ),
    "an unknown type of hints": (
        {"Introspect": ("s", [INTROSPECTION.replace('<arg type="a{sv}" direction="in"/>', "")])},
        {},
    ),
    "a refusal": ({}, {"Notify": "\x1b[31m<b>no</b>\n" * 100}),
    "no capabilities": ({}, {"GetCapabilities": "no"}),
}


@pytest.mark.parametrize("case", NONSENSE)
async def test_nonsense_is_never_taken_for_success(
    recorder: Recorder, channel_on: Channels, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever nonsense a server answers: not shown, one clean line, nothing of the message in the log."""
    recorder.answers, recorder.errors = NONSENSE[case]
    channel = channel_on(recorder.address)
    with caplog.at_level(logging.DEBUG):
        receipt = await channel.deliver(ALERT)

    assert receipt.outcome is Outcome.LATER, receipt
    assert receipt.evidence == ""
    assert receipt.detail
    assert len(receipt.detail) < 300
    assert receipt.detail.isprintable()
    assert "Anna" not in caplog.text
    recorder.answers, recorder.errors = {}, {}
    assert (await channel.deliver(ALERT)).shown


async def test_a_server_that_dies_with_the_message_has_not_shown_it(recorder: Recorder, channel_on: Channels) -> None:
    """A server that takes a message and ends at once is no proof that anybody saw it."""
    loop = asyncio.get_running_loop()
    ended: list[asyncio.Task[None]] = []

    def die(member: str) -> None:
        if member == "Notify":
            ended.append(loop.create_task(recorder.stop()))

    recorder.on_call = die
    receipt = await channel_on(recorder.address).deliver(ALERT)

    assert receipt.outcome is Outcome.LATER
    recorder.on_call = None
    await asyncio.gather(*ended)


@pytest.mark.parametrize("member", ["GetCapabilities", "Notify"])
async def test_no_connection_leaks_while_a_server_is_ill(recorder: Recorder, channel_on: Channels, member: str) -> None:
    """A hundred failed attempts, at whatever step they fail, leave no open socket behind."""
    recorder.errors = {member: "no"}
    channel = channel_on(recorder.address)
    await channel.deliver(ALERT)
    before = _open_files()
    for _ in range(100):
        await channel.deliver(ALERT)

    assert _open_files() <= before + 1  # the last one may still be closing


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(max_size=200))
def test_any_text_can_be_sent(words: str, bus: PrivateBus) -> None:
    """No text, however odd, makes a message undeliverable for ever."""

    async def send() -> None:
        recorder = Recorder(bus.address)
        await recorder.start()
        channel = DesktopChannel(environ={"DBUS_SESSION_BUS_ADDRESS": bus.address})
        try:
            assert (await channel.deliver(replace(ALERT, title=words, body=words))).shown
        finally:
            await channel.close()
            await recorder.stop()

    asyncio.run(send())
