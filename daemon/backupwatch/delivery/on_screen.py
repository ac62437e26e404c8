"""Where the newest message of each thread stands, so that the next one takes its place, even after a restart."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from backupwatch import paths
from backupwatch.errors import BackupwatchError


class OnScreen:
    """The numbers that one notification server gave to our messages; another server's numbers mean nothing to it.

    With a file, the numbers outlive this process: a message that was shown before a restart or a crash can still be
    replaced or withdrawn. The file is a convenience, so that every trouble with it is ignored.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._server, self._numbers = _read(file)

    def meet(self, server: str) -> None:
        """From here on the numbers are ``server``'s; if it is not the same as before, its screen is empty."""
        if server != self._server:
            self._server, self._numbers = server, {}

    def number(self, thread: str) -> int:
        """Of the notification that shows this thread, 0 when there is none; an empty thread never has one."""
        return self._numbers.get(thread, 0) if thread else 0

    def shown(self, thread: str, number: int) -> None:
        """The newest message of ``thread`` is this notification."""
        if thread:
            self._numbers[thread] = number
            self._write()

    def gone(self, number: int) -> None:
        """A notification left the screen."""
        kept = {thread: other for thread, other in self._numbers.items() if other != number}
        if kept != self._numbers:
            self._numbers = kept
            self._write()

    def _write(self) -> None:
        if self._file is None:
            return
        with suppress(OSError, BackupwatchError):
            paths.private_dir(self._file.parent)
            part = self._file.with_suffix(".part")
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                json.dump({"server": self._server, "numbers": self._numbers}, stream)
            part.replace(self._file)


def _read(file: Path | None) -> tuple[str, dict[str, int]]:
    if file is None:
        return "", {}
    try:
        stored = json.loads(file.read_text())
        server, numbers = str(stored["server"]), dict(stored["numbers"])
    except (OSError, ValueError, TypeError, KeyError):
        return "", {}
    return server, {thread: number for thread, number in numbers.items() if type(number) is int and number > 0}
