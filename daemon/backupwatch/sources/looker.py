"""The resident side of a look: starts a worker, hands it the request, collects facts, kills it at the deadline."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from backupwatch.facts.observation import HOST, Blind, BlindReason, Fact, Subject, from_line
from backupwatch.sources.look import Request

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one fact; more than any honest fact has, and little enough to hold."""


SCRATCH = "backupwatch-"
"""How the names of temporary folders begin; the process id of their owner follows."""


def sweep() -> int:
    """Remove the temporary folders whose owner was killed before it could; answers how many."""
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*-*"):
        owner = folder.name.removeprefix(SCRATCH).partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isascii() and owner.isdigit() and folder.stat().st_uid == os.getuid() and not _lives(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


class WorkerDied(Exception):  # noqa: N818 - said inside this module only
    """The worker ended, was killed or broke its protocol; the argument is the reason in a word."""


class Worker:
    """One worker process, with a temporary folder of its own that dies with it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, scratch: Path) -> None:
        self.name = name
        self._process = process
        self._scratch = scratch

    @classmethod
    async def start(cls, name: str, environment: Mapping[str, str]) -> Worker:
        """Start a worker for the named source; ``environment`` is added to ours."""
        # 0700: the library puts keys into TMPDIR. Our process id: so that `sweep` knows whose it was.
        scratch = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-"))
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "backupwatch.sources.worker",
                name,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # libraries print what nobody may read: names, tokens
                env={**os.environ, "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1", **environment},
                limit=MAX_LINE,
                start_new_session=True,  # so that its children die with it, and Ctrl-C reaches us first
            )
        except BaseException:  # also a deadline that passes before the process runs; asyncio ends and reaps it
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        return cls(name, process, scratch)

    async def facts(self, request: Request) -> AsyncIterator[Fact]:
        """Send one request and yield its facts.

        :raises WorkerDied: it ended, or spoke nonsense, before it was done.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise WorkerDied("no pipes")
        try:
            stdin.write(json.dumps(request.to_json()).encode() + b"\n")
            await stdin.drain()
            while line := await stdout.readline():
                if line.strip() == b'{"done":true}':
                    return
                yield from_line(line)
        except (OSError, ValueError, asyncio.LimitOverrunError) as error:
            raise WorkerDied(type(error).__name__) from error
        raise WorkerDied("ended early")

    async def stop(self) -> None:
        """Kill it if it still runs, reap it, remove its folder; never raises, never leaves a zombie."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


class Looker:
    """Looks through workers; short-lived ones, unless ``keep`` asks for one that serves many requests.

    The daemon uses short-lived workers, so that whatever a library leaks ends with the look. A story told in
    virtual time makes hundreds of looks within seconds and keeps its workers.
    """

    def __init__(self, *, environment: Mapping[str, str] | None = None, keep: bool = False) -> None:
        self.environment = dict(environment or {})
        self._keep = keep
        self._kept: dict[str, Worker] = {}
        self.deaths = 0

    async def prepare(self, name: str) -> None:
        """Start the worker of the first look already, so that it loads its libraries while the caller does the same."""
        if name not in self._kept:
            with contextlib.suppress(OSError):  # the look itself will meet it, and say it
                self._kept[name] = await Worker.start(name, self.environment)

    async def look(
        self,
        name: str,
        request: Request,
        deadline: float,
        *,
        subject: Subject = HOST,
        on_fact: Callable[[Fact], None] | None = None,
    ) -> list[Fact]:
        """All facts of one look; what the worker could not finish ends in a Blind about ``subject``.

        :param deadline: seconds for the whole look, the start of the process included.
        :param subject: what the look is about, for the Blind of a look that fails as a whole.
        :param on_fact: called as facts arrive, for a progress line.
        """
        facts: list[Fact] = []
        worker: Worker | None = None
        try:
            async with asyncio.timeout(deadline):
                worker = self._kept.pop(name, None) or await Worker.start(name, self.environment)
                async for fact in worker.facts(request):
                    facts.append(fact)
                    if on_fact is not None:
                        on_fact(fact)
            if self._keep:
                self._kept[name], worker = worker, None
        except TimeoutError:
            self.deaths += 1
            _warn("worker killed at its deadline", source=name, deadline_s=deadline)
            facts.append(
                _blind(subject, name, BlindReason.TIMEOUT, f"No answer within {deadline:.0f} seconds", request)
            )
        except (WorkerDied, OSError) as error:
            self.deaths += 1
            _warn("worker died", source=name, reason=str(error))
            facts.append(_blind(subject, name, BlindReason.CRASHED, "The look ended unexpectedly", request))
        finally:
            if worker is not None:
                await asyncio.shield(worker.stop())
        return facts

    async def close(self) -> None:
        """Stop the workers that are kept, or were prepared and not used."""
        for worker in self._kept.values():
            await worker.stop()
        self._kept.clear()


def _blind(subject: Subject, name: str, reason: BlindReason, sentence: str, request: Request) -> Blind:
    return Blind(subject, name, reason, sentence, request.now)


def _warn(event: str, **what: object) -> None:
    import structlog  # not at the top: a worker is started before anything slow is loaded

    structlog.stdlib.get_logger(__name__).warning(event, **what)
