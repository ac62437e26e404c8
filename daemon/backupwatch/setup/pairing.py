"""Pairing, as the ``pair`` command sees it: a worker process, its steps as they happen, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from backupwatch.sources.looker import SCRATCH

PATIENCE_S: Final = 120.0
"""Seconds for a person to find the phone, unlock it, tap Trust and enter the passcode."""

_GRACE_S: Final = 60.0
"""More than all conversations with the phone that wait for nobody, together; then the worker is killed."""


class Step(StrEnum):
    """What happens, or what the person is to do now."""

    UNLOCK = "unlock"
    TRUST = "trust"
    ALREADY = "already"
    TRUSTED = "trusted"
    WIFI = "wifi"
    NO_WIFI = "no-wifi"


class Failure(StrEnum):
    """How a pairing can end badly."""

    NO_USBMUXD = "no-usbmuxd"
    NO_CABLE = "no-cable"
    GONE = "gone"
    LOCKED = "locked"
    DENIED = "denied"
    NO_ANSWER = "no-answer"
    FORBIDDEN = "forbidden"
    NOT_ACCEPTED = "not-accepted"
    SILENT = "silent"
    UNKNOWN = "unknown"


async def pair(
    udid: str,
    environment: Mapping[str, str],
    on_step: Callable[[Step], None],
    *,
    patience: float = PATIENCE_S,
) -> Failure | None:
    """Pair with one attached phone; None when it trusts this computer afterwards.

    Call it only because a person asked: it may bring up the Trust dialog, once.

    :param environment: added to ours; ``USBMUXD_SOCKET_ADDRESS`` for an unusual usbmuxd.
    :param patience: seconds to wait for the person, all steps together.
    """
    # 0700: the library puts keys into TMPDIR. Named so that it is swept up when this process is killed.
    scratch = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-"))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "backupwatch.setup.pairing_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # libraries print what nobody may read
        env={**os.environ, "TMPDIR": str(scratch), **environment},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(patience + _GRACE_S):
            return await _converse(process, json.dumps({"udid": udid, "patience_s": patience}), on_step)
    except TimeoutError:
        return Failure.SILENT
    except (OSError, ValueError, KeyError, TypeError):
        return Failure.UNKNOWN
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        shutil.rmtree(scratch, ignore_errors=True)


async def _converse(
    process: asyncio.subprocess.Process, request: str, on_step: Callable[[Step], None]
) -> Failure | None:
    if process.stdin is None or process.stdout is None:
        return Failure.UNKNOWN
    process.stdin.write(request.encode() + b"\n")
    await process.stdin.drain()
    while line := await process.stdout.readline():
        said = json.loads(line)
        if "failed" in said:
            return Failure(said["failed"])
        if said.get("done"):
            return None
        on_step(Step(said["step"]))
    return Failure.UNKNOWN
