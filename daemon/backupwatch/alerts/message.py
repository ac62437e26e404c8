"""One thing to say to the person, finished: every channel shows the same words.

The text is plain (whatever came from a phone or an account has passed :mod:`backupwatch.text`) and is escaped
for nobody: what a server parses is delivery's business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Urgency(StrEnum):
    """How loud a message may be; the three levels of the Desktop Notifications Specification."""

    LOW = "low"
    NORMAL = "normal"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Action:
    """A button.

    ``id`` is one word without spaces; ``label`` is what stands on the button.
    """

    id: str
    label: str


SHOW_STEPS = Action("steps", "Show steps")
"""Opens the fix; a click on the message itself does the same."""

SNOOZE_A_DAY = Action("snooze", "Snooze 1 day")
DONE = Action("done", "I did this")


@dataclass(frozen=True)
class Message:
    """What to show, independent of where.

    ``id`` is stable: the same message tried again, even after a crash, has the same id. ``thread`` names what
    it is about; a later message of the same thread takes the place of the earlier one on the screen, and an
    empty thread replaces nothing. ``udid`` is the phone it speaks of, ``None`` when it speaks of the account,
    of Apple or of the watcher. ``link`` is an address with the whole story, empty when there is none.
    """

    id: str
    title: str
    body: str
    urgency: Urgency = Urgency.NORMAL
    actions: tuple[Action, ...] = ()
    thread: str = ""
    udid: str | None = None
    link: str = ""

    def to_json(self) -> str:
        """One line for the outbox; :meth:`from_json` gives an equal message back."""
        return json.dumps(
            {
                "id": self.id,
                "title": self.title,
                "body": self.body,
                "urgency": self.urgency.value,
                "actions": [[action.id, action.label] for action in self.actions],
                "thread": self.thread,
                "udid": self.udid,
                "link": self.link,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, line: str) -> Message:
        """Read what :meth:`to_json` wrote; parts that an older version did not know get their defaults.

        :raises ValueError: it is not a message.
        """
        parts = json.loads(line)
        if not isinstance(parts, dict):
            raise ValueError("a stored message is not an object")  # noqa: TRY004 - one error for all of it
        udid = parts.get("udid")
        if udid is not None and not isinstance(udid, str):
            raise ValueError("a stored message names its phone by something else than a text")
        return cls(
            id=_text(parts, "id", required=True),
            title=_text(parts, "title", required=True),
            body=_text(parts, "body", required=True),
            urgency=Urgency(_text(parts, "urgency") or Urgency.NORMAL),
            actions=_actions(parts.get("actions", [])),
            thread=_text(parts, "thread"),
            udid=udid,
            link=_text(parts, "link"),
        )


def _text(parts: Mapping[str, Any], key: str, *, required: bool = False) -> str:
    value = parts.get(key, None if required else "")
    if not isinstance(value, str):
        raise ValueError(f"a stored message has no usable {key}")  # noqa: TRY004 - one error for all of it
    return value


def _actions(raw: object) -> tuple[Action, ...]:
    if not isinstance(raw, list):
        raise ValueError("the actions of a stored message are not a list")  # noqa: TRY004 - one error for all of it
    actions = []
    for pair in raw:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise ValueError("an action of a stored message is not an id and a label")
        actions.append(Action(*pair))
    return tuple(actions)
