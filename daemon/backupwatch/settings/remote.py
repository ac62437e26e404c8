"""Loading the configuration in a process of its own, so that the validation library never stays resident."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from backupwatch.errors import BackupwatchError
from backupwatch.settings.problems import InvalidConfigError, Loaded, loaded_from_json, problem_from_json
from backupwatch.text import plain

DEADLINE = 30.0
"""Seconds; a slow computer under load takes about two."""

_MOST_OUTPUT = 4 * 1024 * 1024


async def load_in_subprocess(path: Path | None = None, *, deadline: float = DEADLINE) -> Loaded:
    """Do what :func:`backupwatch.settings.load.load` does, elsewhere.

    :param path: the person's own file; ``None`` for the usual place.
    :param deadline: seconds after which the process is killed.
    :raises InvalidConfigError: the files hold mistakes.
    :raises BackupwatchError: the process could not do its work; trying again may help.
    """
    command = [sys.executable, "-m", "backupwatch.settings.load", "--json"]
    if path is not None:
        command += ["--config", str(path)]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_MOST_OUTPUT,
    )
    try:
        async with asyncio.timeout(deadline):
            out, err = await process.communicate()
    except TimeoutError:
        raise _failed(f"it took longer than {deadline:.0f} seconds") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _understand(out, err, process.returncode)


def _understand(out: bytes, err: bytes, code: int | None) -> Loaded:
    try:
        document = json.loads(out)
        if "problems" in document:
            raise InvalidConfigError([problem_from_json(problem) for problem in document["problems"]])
        return loaded_from_json(document)
    except (ValueError, TypeError, IndexError):
        last = plain(err.decode(errors="replace").strip().rpartition("\n")[2], 200)
        raise _failed(f"exit code {code}{': ' + last if last else ''}") from None


def _failed(why: str) -> BackupwatchError:
    return BackupwatchError(
        f"The configuration could not be read ({why})",
        meaning="This is not a mistake in the file",
        fix="Run `backupwatch config check` to see more",
        retry=True,
    )
