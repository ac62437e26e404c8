"""What Linux and macOS share of desktop-notifier; imported only when there is something to say."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from desktop_notifier import Button, Icon, Notification, Sound
from desktop_notifier import Urgency as NativeUrgency

from backupwatch import icons, text
from backupwatch.alerts.message import SHOW_STEPS, Message, Urgency
from backupwatch.delivery.channel import ActionHandler

APP_NAME = "backupwatch"

_URGENCIES = {
    Urgency.LOW: NativeUrgency.Low,
    Urgency.NORMAL: NativeUrgency.Normal,
    Urgency.CRITICAL: NativeUrgency.Critical,
}


class NotReachedError(Exception):
    """Nobody took the message; the text is a sentence for the person, without its full stop."""


def icon() -> Icon:
    """The program's mark."""
    return Icon(path=icons.png(128))


class Reactions:
    """Carries pressed buttons from the library's plain callbacks to our handler, each in a task of its own."""

    def __init__(self, handler: ActionHandler | None) -> None:
        self.wanted = handler is not None
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    def callback(self, message: Message, action_id: str) -> Callable[[], None] | None:
        """What the library shall call, on the running event loop, when this action of this message is chosen."""
        handler = self._handler
        if handler is None:
            return None

        async def tell() -> None:
            await handler(message.id, message.thread, message.udid, action_id)

        def chosen() -> None:
            self._tasks.add(task := asyncio.get_running_loop().create_task(tell()))
            task.add_done_callback(self._tasks.discard)

        return chosen

    def cancel(self) -> None:
        """Nobody listens any more."""
        for task in self._tasks:
            task.cancel()


def notification(
    message: Message,
    reactions: Reactions,
    *,
    body: str,
    buttons: bool,
    sound: Sound | None,
    identifier: str = "",
) -> Notification:
    """``message`` in the library's words; a click on it means: show the steps.

    :param body: the text as this server must get it.
    :param sound: played for critical messages only.
    :param identifier: the library's name of it; empty: a new one.
    """
    return Notification(
        title=message.title,
        message=body,
        urgency=_URGENCIES[message.urgency],
        buttons=tuple(
            Button(action.label, identifier=action.id, on_pressed=reactions.callback(message, action.id))
            for action in (message.actions if buttons and reactions.wanted else ())
        ),
        on_clicked=reactions.callback(message, SHOW_STEPS.id),
        sound=sound if message.urgency is Urgency.CRITICAL else None,
        thread=message.thread or None,
        identifier=identifier or str(uuid.uuid4()),
    )


@contextmanager
def warnings() -> Iterator[list[BaseException | str]]:
    """Collect what the library only logs; a warning while sending means that the message did not arrive.

    Its lines go nowhere else meanwhile: they quote the message, and with it the phone's name.
    """
    collected: list[BaseException | str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            collected.append(error or text.plain(record.getMessage(), 120))

    logger = logging.getLogger("desktop_notifier")
    handler, propagate, level = Collector(level=logging.WARNING), logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.WARNING)  # the warnings are evidence, however little the person wants logged
    try:
        yield collected
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        logger.setLevel(level)
