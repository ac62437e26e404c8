"""The real daemon in a process of its own, its log line by line, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT = 60.0
"""Seconds after which a test that would hang is ended; nothing is asserted about time."""


@dataclass
class Home:
    """A person's folders; nothing outside them is read or written."""

    folder: Path
    advanced: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("tmp", "home", "state"):
            (self.folder / name).mkdir(exist_ok=True)
        nowhere = "http://127.0.0.1:9/"
        self.advanced = {
            "usbmuxd": str(self.folder / "no-usbmuxd"),
            "system_status": f"{nowhere}status.js",
            "ios_releases": f"{nowhere}feed.json",
        } | self.advanced

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def tmp(self) -> Path:
        return self.folder / "tmp"

    def configure(self, *, desktop: bool = False, more: str = "") -> None:
        addresses = "\n".join(f"{key} = {json.dumps(value)}" for key, value in self.advanced.items())
        self.config.write_text(
            f'[polling]\nwifi = false\n[alerts]\ndesktop = {str(desktop).lower()}\nquiet_hours = ""\n'
            f"[advanced]\n{addresses}\n{more}"
        )

    @property
    def env(self) -> dict[str, str]:
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith(("DBUS_", "XDG_"))},
            "HOME": str(self.folder / "home"),
            "XDG_DATA_HOME": str(self.folder / "home" / "data"),
            "TMPDIR": str(self.tmp),
            "BACKUPWATCH_STATE_DIR": str(self.folder / "state"),
            "BACKUPWATCH_CONFIG": str(self.config),
            "PYTHONUNBUFFERED": "1",
            **self.extra,
        }

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run another command beside the daemon; exit code and everything printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "backupwatch", *arguments, env=self.env,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(), LIMIT)
        return process.returncode or 0, out.decode()

    def processes(self) -> list[int]:
        """Every process that was started with this home's environment."""
        mark, found = f"TMPDIR={self.tmp}".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
        return found


@dataclass
class Running:
    """A daemon that runs, and the lines that it has logged."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    raw: list[str] = field(default_factory=list)

    async def read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self.news:
                self.raw.append(line.decode())
                with contextlib.suppress(ValueError):
                    self.lines.append(json.loads(line))
                self.news.notify_all()
        async with self.news:
            self.news.notify_all()

    def told(self, event: str, **values: object) -> list[dict[str, Any]]:
        """The lines of this event with these values."""
        return [
            line
            for line in self.lines
            if line.get("event") == event and all(line.get(key) == value for key, value in values.items())
        ]

    async def until(self, event: str, count: int = 1, **values: object) -> dict[str, Any]:
        """Wait for the ``count``-th line like this."""
        try:
            async with asyncio.timeout(LIMIT), self.news:
                await self.news.wait_for(lambda: len(self.told(event, **values)) >= count)
        except TimeoutError:
            raise AssertionError(f"no {event!r} {values} among:\n{''.join(self.raw)}") from None
        return self.told(event, **values)[count - 1]

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it and answer its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), LIMIT)


@asynccontextmanager
async def daemon(home: Home, *command: str) -> AsyncIterator[Running]:
    """``backupwatch run`` in this home; ended in any case.

    :param command: runs it, in place of the plain one.
    """
    process = await asyncio.create_subprocess_exec(
        *(command or (sys.executable, "-m", "backupwatch", "run")),
        env=home.env,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Running(process)
    reader = asyncio.create_task(running.read())
    try:
        await running.until("watching")
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reader
