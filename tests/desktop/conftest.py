"""A private bus and a private desktop for each test; without the tools a test is skipped, in CI it fails."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from harness import Desktop, PrivateBus, missing_tools
from recorder import Recorder
from sample_alert import Presses

from backupwatch.delivery.desktop import DesktopChannel


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a Unix socket (108 bytes), which pytest's own is not always."""
    with tempfile.TemporaryDirectory(prefix="bw-desktop-") as folder:
        yield Path(folder)


@pytest.fixture
def _tools() -> None:
    if missing := missing_tools():
        message = f"not installed: {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture
def bus(_tools: None, short_folder: Path) -> Iterator[PrivateBus]:
    """A session bus of one's own, with nobody on it."""
    bus = PrivateBus(short_folder)
    bus.start()
    yield bus
    bus.stop()


@pytest.fixture
def desktop(_tools: None, short_folder: Path) -> Iterator[Desktop]:
    """A virtual screen with dunst on a private bus; ``desktop.env`` is for programs that shall run there."""
    with Desktop(short_folder) as desktop:
        yield desktop


@pytest.fixture
async def recorder(bus: PrivateBus) -> AsyncIterator[Recorder]:
    """Our own notification server on the private bus, already running."""
    recorder = Recorder(bus.address)
    await recorder.start()
    yield recorder
    await recorder.stop()


@pytest.fixture
def presses() -> Presses:
    return Presses()


@pytest.fixture
async def channel_on(presses: Presses) -> AsyncIterator[Callable[..., DesktopChannel]]:
    """Makes a desktop channel that finds the given bus, and closes it in the end."""
    made: list[DesktopChannel] = []

    def make(address: str, *, deadline: float = 10.0) -> DesktopChannel:
        channel = DesktopChannel(presses, deadline=deadline, environ={"DBUS_SESSION_BUS_ADDRESS": address})
        made.append(channel)
        return channel

    yield make
    for channel in made:
        await channel.close()
