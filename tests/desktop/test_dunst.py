"""What a person sees: messages on a real notification server, on a real (virtual) screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from harness import Desktop, wait_for
from sample_alert import ALERT, Presses

from backupwatch import icons, text
from backupwatch.alerts.message import Urgency
from backupwatch.delivery.channel import Outcome
from backupwatch.delivery.desktop import DesktopChannel

pytestmark = pytest.mark.desktop

Channels = Callable[..., DesktopChannel]


async def test_an_alert_arrives_whole(desktop: Desktop, channel_on: Channels) -> None:
    """Title, text, loudness, icon and buttons of an alert reach the person's notification server."""
    receipt = await channel_on(desktop.bus.address).deliver(ALERT)

    assert receipt.outcome is Outcome.SHOWN
    assert receipt.evidence.startswith("dunst 1.")
    assert {line.split(" (")[0].lstrip("#") for line in desktop.buttons()} >= {
        "Show steps",
        "Snooze 1 day",
        "I did this",
    }
    [received] = desktop.received()
    assert f"as notification {received.number}" in receipt.evidence
    assert received.app == "backupwatch"
    assert received.title == ALERT.title
    assert received.body.replace("&gt;", ">") == ALERT.body
    assert received.urgency == "critical"
    assert received.default_action == "default"
    assert received.icon == str(icons.png(128))


@pytest.mark.parametrize(("urgency", "expected"), [(Urgency.LOW, "low"), (Urgency.NORMAL, "normal")])
async def test_quiet_news_is_quiet(desktop: Desktop, channel_on: Channels, urgency: Urgency, expected: str) -> None:
    """Only what is critical is shown as critical."""
    await channel_on(desktop.bus.address).deliver(replace(ALERT, urgency=urgency))

    assert [received.urgency for received in desktop.received()] == [expected]


async def test_a_name_with_markup_is_read_as_it_is_written(desktop: Desktop, channel_on: Channels) -> None:
    """A phone called <b>Eve</b> & Co is shown under exactly this name by a server that draws markup."""
    nasty = "<b>Eve</b> & <img src='http://x/'> &lt;Co&gt;"
    await channel_on(desktop.bus.address).deliver(replace(ALERT, title=nasty, body=nasty))

    [received] = desktop.received()
    escaped = "&lt;b&gt;Eve&lt;/b&gt; &amp; &lt;img src="
    assert received.rendered.count(escaped) == 2  # what Pango is given to draw: the signs, not the tags
    assert received.title == nasty


async def test_a_right_to_left_name_does_not_turn_the_sentence_round(desktop: Desktop, channel_on: Channels) -> None:
    """A Hebrew name stands at the left, where our English sentence begins, and the rest follows to its right."""
    title = f"{text.name('הטלפון של דנה')}: no backup for 4 days"
    await channel_on(desktop.bus.address).deliver(replace(ALERT, title=title))

    [received] = desktop.received()
    assert received.title == f"\u200e{title}"


async def test_news_takes_the_place_of_older_news_about_the_same_phone(desktop: Desktop, channel_on: Channels) -> None:
    """A reminder replaces the earlier alert of its phone; another phone's alert stands beside it."""
    channel = channel_on(desktop.bus.address)
    await channel.deliver(ALERT)
    await channel.deliver(replace(ALERT, id="alert-2", title="Anna’s iPhone: no backup for 10 days"))
    await channel.deliver(replace(ALERT, id="other", thread="phone/other", title="Ben’s iPhone: no backup for 4 days"))

    assert desktop.shown() == 2


async def test_a_message_that_is_no_longer_true_disappears(desktop: Desktop, channel_on: Channels) -> None:
    """A withdrawn message leaves the screen, and only that one."""
    channel = channel_on(desktop.bus.address)
    await channel.deliver(ALERT)
    await channel.deliver(replace(ALERT, id="other", thread="phone/other"))
    await channel.withdraw(ALERT.thread)

    assert desktop.shown() == 1


async def test_buttons_work(desktop: Desktop, channel_on: Channels, presses: Presses) -> None:
    """Pressing a button tells which one of which message, and the message leaves the screen."""
    channel = channel_on(desktop.bus.address)
    await channel.deliver(ALERT)
    desktop.press("Snooze 1 day")

    assert await presses.next() == (ALERT.id, ALERT.thread, ALERT.udid, "snooze")


async def test_a_click_asks_for_the_steps(desktop: Desktop, channel_on: Channels, presses: Presses) -> None:
    """Clicking on the message itself means: show me the steps."""
    channel = channel_on(desktop.bus.address)
    await channel.deliver(ALERT)
    desktop.click()

    assert (await presses.next())[-1] == "steps"


async def test_a_restarted_notification_server_is_found_again(desktop: Desktop, channel_on: Channels) -> None:
    """After the notification server restarts, the next message is shown, and its buttons work."""
    channel = channel_on(desktop.bus.address)
    assert (await channel.deliver(ALERT)).shown
    desktop.restart_server()

    assert (await channel.deliver(ALERT)).shown
    assert desktop.shown() == 1


async def test_the_notification_is_drawn(desktop: Desktop, channel_on: Channels, tmp_path: Path) -> None:
    """The alert is really drawn, with its icon: an empty screen becomes one of many colours."""
    assert desktop.colours() == 1
    await channel_on(desktop.bus.address).deliver(ALERT)
    picture = desktop.screenshot(tmp_path / "notification.png", crop=True)

    assert picture.stat().st_size > 0
    assert desktop.colours() > 100


async def test_a_locked_screen_loses_nothing(desktop: Desktop, channel_on: Channels) -> None:
    """A message that comes while the server holds everything back (a locked screen) is shown afterwards."""
    desktop.pause(True)
    receipt = await channel_on(desktop.bus.address).deliver(ALERT)
    assert receipt.shown
    assert desktop.shown() == 0
    desktop.pause(False)

    wait_for(lambda: desktop.shown() == 1, "showing what was held back")


async def test_a_server_that_starts_on_demand_is_started(desktop: Desktop, channel_on: Channels) -> None:
    """Where the desktop starts its notification server only when it is needed, the message starts it."""
    desktop.stop_server()
    desktop.start_server_on_demand()
    receipt = await channel_on(desktop.bus.address).deliver(ALERT)

    assert receipt.shown
    assert desktop.shown() == 1
