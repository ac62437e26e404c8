"""Speaking on a terminal: what a notification says, for the demo and for machines without a desktop."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from backupwatch import text
from backupwatch.alerts.message import Message, Urgency
from backupwatch.delivery.channel import Outcome, Receipt

_WIDEST = 76
_BORDERS = {Urgency.LOW: "dim", Urgency.NORMAL: "cyan", Urgency.CRITICAL: "red"}


class TerminalChannel:
    """Prints a message; in a frame where somebody looks at a terminal, as plain lines elsewhere."""

    name = "terminal"

    def __init__(self, stream: TextIO | None = None, *, width: int | None = None) -> None:
        """Choose where to print.

        :param stream: where to; ``None`` is standard output at the time of each message.
        :param width: columns; ``None`` asks the terminal.
        """
        self._stream = stream
        self._width = width

    async def deliver(self, message: Message) -> Receipt:
        """Print it; nothing in it can steer the terminal."""
        stream = self._stream or sys.stdout
        try:
            framed = stream.isatty() and os.environ.get("TERM") != "dumb" and _speaks_unicode(stream)
            (self._frame if framed else self._lines)(message, stream)
            stream.flush()
        except (OSError, ValueError) as error:  # a closed pipe, a closed stream
            return Receipt(Outcome.NEVER, self.name, detail=f"The output is closed ({type(error).__name__}).")
        return Receipt(Outcome.SHOWN, self.name, evidence="printed on this terminal" if framed else "printed")

    async def withdraw(self, thread: str) -> None:
        """Nothing: what is printed stays printed."""

    async def close(self) -> None:
        """Nothing to let go of."""

    def _columns(self) -> int:
        return min(_WIDEST, max(20, self._width or shutil.get_terminal_size().columns))

    def _frame(self, message: Message, stream: TextIO) -> None:
        from rich.console import Console
        from rich.panel import Panel
        from rich.text import Text

        body = Text("\n".join([text.plain(message.title, 500), *_body(message)]))
        body.stylize("bold", 0, len(text.plain(message.title, 500)))
        Console(file=stream, width=self._columns(), highlight=False, markup=False, emoji=False).print(
            Panel(body, title="backupwatch", title_align="left", border_style=_BORDERS[message.urgency], padding=(0, 1))
        )

    def _lines(self, message: Message, stream: TextIO) -> None:
        from rich.console import Console
        from rich.text import Text

        mark = "!" if message.urgency is Urgency.CRITICAL else "*"
        console = Console(
            file=stream, width=self._columns(), highlight=False, markup=False, emoji=False, color_system=None
        )
        lines = [text.plain(message.title, 500), *_body(message)]
        parts = [part for line in lines for part in Text(line).wrap(console, self._columns() - 2)]
        for number, part in enumerate(parts):
            line = f"{mark if number == 0 else ' '} {part.plain.rstrip()}\n"
            stream.write(_encodable(line, stream))


def _body(message: Message) -> list[str]:
    lines = [safe for line in message.body.split("\n") if (safe := text.plain(line, 2_000))]
    return [*lines, text.plain(message.link, 500)] if message.link else lines


def _speaks_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().startswith("utf")


def _encodable(words: str, stream: TextIO) -> str:
    """What the stream's own encoding has no sign for becomes a question mark, instead of an error."""
    encoding = stream.encoding or "utf-8"
    return words.encode(encoding, "replace").decode(encoding)
