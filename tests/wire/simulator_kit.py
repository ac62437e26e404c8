"""What the simulator's tests share: a stage in a thread, a home of one's own, and tools that nobody here wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backupwatch.simulator import scenario
from backupwatch.simulator.script import When
from backupwatch.simulator.stage import Stage, StageInThread

TODAY = date(2026, 11, 22)
ANNA = "00008140-001C2D3E4F50001C"

ONE_PHONE = f"""
title = "One phone"
[[phone]]
udid = "{ANNA}"
name = "Anna's iPhone"
connection = "both"
backups = [{{ time = "02:11:09", last = -9 }}]
"""


@contextmanager
def short_folder() -> Iterator[Path]:
    """A private folder whose path fits into a Unix socket's address, wherever pytest keeps its own."""
    with TemporaryDirectory(prefix="bw", dir="/tmp") as folder:
        yield Path(folder)


@contextmanager
def on_stage(text: str, **options: object) -> Iterator[StageInThread]:
    """A story from TOML text, on stage in a thread, ending on :data:`TODAY`."""
    with (
        short_folder() as folder,
        Stage.in_thread(scenario.parse(text, "story.toml"), folder, today=TODAY, **options) as stage,
    ):
        yield stage


def needs(tool: str) -> str:
    """The path of an independent tool; where it is missing the test is skipped, but never in CI."""
    path = shutil.which(tool)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{tool} is not installed; CI must prove the simulator with it")
        pytest.skip(f"{tool} is not installed")
    return path


def run(command: list[str], stage: StageInThread, home: Path, *, libimobiledevice: bool = False) -> str:
    """Run a client against the stage, with a home folder of its own; answers what it printed."""
    address = stage.usbmuxd_address
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "USBMUXD_SOCKET_ADDRESS": f"UNIX:{address}" if libimobiledevice else address,
        "NO_COLOR": "1",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def tool(name: str, *arguments: str) -> list[str]:
    """A command of libimobiledevice."""
    return [needs(name), *arguments]


def pymobiledevice3(*arguments: str) -> list[str]:
    """A command of pymobiledevice3's own command line."""
    return [sys.executable, "-m", "pymobiledevice3", *arguments]


@asynccontextmanager
async def live_stage(text: str, monkeypatch: pytest.MonkeyPatch, **options: object) -> AsyncIterator[Stage]:
    """A story on stage in this event loop, with pymobiledevice3 pointed at it and at a home of its own."""
    with short_folder() as folder:
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
        async with Stage(scenario.parse(text, "story.toml"), folder / "stage", today=TODAY, **options) as stage:
            monkeypatch.setenv("USBMUXD_SOCKET_ADDRESS", stage.usbmuxd_address)
            yield stage


def at(day: int, clock: str) -> datetime:
    """A moment of the story: days before its last day, time of day, UTC."""
    return When(day=day, time=clock).at(TODAY)
