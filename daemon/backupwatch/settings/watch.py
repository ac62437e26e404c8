"""Noticing that the configuration changed, by looking: no inotify, no library, a few ``stat`` every two seconds.

Looking at names instead of waiting for events works with editors that write a new file and rename it, with dotfiles
that are links into another folder (whose target, or any link on the way, may be swapped), and on file systems that
report nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from backupwatch.settings.files import CONF_D, conf_d_files

POLL = 2.0
"""Seconds between two looks."""

SETTLE = 0.5
"""Seconds for which a changed file must rest before it is read."""

Signature = tuple[tuple[str, int, int, int, int, int], ...]


async def changes(
    path: Path,
    poll: float = POLL,
    *,
    since: Signature | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[None]:
    """Yield once for every change of the person's file or of ``conf.d`` beside it.

    A change is told when two looks, :data:`SETTLE` apart, saw the same, so a file that is just being written, or
    is gone for a moment between two renames, is not told half done. What changed between two yields is told once.

    :param path: the person's own file, as :func:`backupwatch.paths.config_file` names it; need not exist.
    :param poll: seconds between two looks.
    :param since: the :func:`signature` from before the configuration was loaded, so that a change while the program
        was starting is told too; ``None`` for now.
    :param sleep: waits between two looks; tests bring their own.
    """
    told = since or signature(path)
    while True:
        await sleep(poll)
        seen = signature(path)
        while seen != told:
            await sleep(min(poll, SETTLE))
            again = signature(path)
            if again == seen:
                told = seen
                yield
            seen = again


def signature(path: Path) -> Signature:
    """What no change leaves as it was: which file each name leads to, its size, its times and its mode."""
    try:
        written, listed = conf_d_files(path), 0
    except OSError as error:
        written, listed = [], error.errno or -1
    return (*(_at_the_end(file) for file in (path, *written)), (CONF_D, listed, 0, 0, 0, 0))


def _at_the_end(file: Path) -> tuple[str, int, int, int, int, int]:
    """Follows every link on the way, so a swapped link shows as another file."""
    try:
        status = file.stat()
    except OSError as error:
        return (str(file), -1, error.errno or -1, 0, 0, 0)
    # The change time stands for owner and mode, and for a writer that sets the modification time back.
    return (str(file), status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
