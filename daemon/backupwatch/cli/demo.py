"""``backupwatch demo``: the whole job on simulated iPhones, over the real protocols, in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import textwrap
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from backupwatch import log
from backupwatch import round as rounds
from backupwatch.alerts.message import Message
from backupwatch.cli.lines import draws
from backupwatch.cli.show import print_verdict
from backupwatch.delivery.channel import Channel, Outcome, Receipt
from backupwatch.delivery.chooser import channels
from backupwatch.delivery.terminal import TerminalChannel
from backupwatch.simulator import scenario as scenarios
from backupwatch.sources.looker import SCRATCH, sweep
from backupwatch.story import telling

_FEW: Final = 6
"""So many notifications of one moment are printed; a school cart has more."""

_DEEP: Final = 60

_NO_QUIET_HOURS: Final = "The demo has no quiet hours; otherwise what comes up at night is shown in the morning."


class Both(Channel):
    """Shows a message on the desktop where there is one, and prints it in any case: in full when it is news."""

    name = "demo"

    def __init__(self, desktop: list[Channel]) -> None:
        self._desktop = desktop
        self._terminal = TerminalChannel()
        self._told: set[str] = set()
        self.shown: list[str] = []
        self.refused = ""
        self.printed = 0

    async def deliver(self, message: Message) -> Receipt:
        """The desktop's proof if it gave one, else that of the printed page."""
        _progress("")
        self.printed += 1
        printed = Receipt(Outcome.SHOWN, self.name, evidence="one of many, so not printed")
        if self.printed <= _FEW:
            again = message.thread in self._told
            self._told.add(message.thread)
            printed = await self._terminal.deliver(replace(message, body="") if again else message)
        if not self.refused:
            for channel in self._desktop:
                receipt = await channel.deliver(message)
                if receipt.outcome is Outcome.SHOWN:
                    self.shown.append(receipt.evidence)
                    return receipt
                self.refused = receipt.detail
        return printed

    async def withdraw(self, thread: str) -> None:
        """Take a message off the desktop."""
        for channel in self._desktop if not self.refused else []:
            await channel.withdraw(thread)

    async def close(self) -> None:
        """Let go of the desktop; what it shows stays."""
        for channel in self._desktop:
            await channel.close()


def list_stories() -> int:
    """Every story that can be told, with what it is about."""
    for name, path in scenarios.shipped().items():
        story = scenarios.load(path)
        print(f"{name}\n{textwrap.fill(story.title, 76, initial_indent='    ', subsequent_indent='    ')}")
    return 0


def run(name: str) -> int:
    """Tell one story; 0.

    :raises ConfigError: there is no such story, or its file is wrong.
    """
    log.configure(level="error")
    story = scenarios.find(name)
    sweep()
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", dir=_place()) as folder:
        try:
            asyncio.run(_tell(story, Path(folder)))
        finally:
            _progress("")
    return 0


def _place() -> str | None:
    """Where temporary files go, unless that is too deep for the path of a Unix socket (104 bytes on macOS)."""
    return "/tmp" if len(os.fsencode(tempfile.gettempdir())) > _DEEP else None  # noqa: S108 - the folder is private


async def _tell(story: scenarios.Scenario, folder: Path) -> None:
    out = Console(highlight=False)
    out.print(Text(story.title, style="bold"))
    out.print(Text(" ".join(story.story.split())))
    speaker = Both(channels(desktop=True))
    async with telling(story, folder, [speaker]) as told:
        moments = told.moments()
        out.print(f"\nSimulated, over the real protocols: {len(moments)} looks in {story.days + 1} days.")
        out.print(Text(_NO_QUIET_HOURS, style="dim"))
        out.print()
        for number, moment in enumerate(moments, start=1):
            _progress(f"Look {number} of {len(moments)}: {moment:%a} {moment.day} {moment:%b}, {moment:%H:%M}")
            speaker.printed = 0
            spoken = await told.look_at(moment)
            _progress("")
            if spoken:
                more = f"… and {len(spoken) - _FEW} more; " if len(spoken) > _FEW else ""
                out.print(Text(f"  {more}{moment:%a} {moment.day} {moment:%b}, {moment:%H:%M} UTC\n", style="dim"))
        snapshot, verdict = rounds.judged(told.watch, moments[-1])
        problems = rounds.problems(told.watch, snapshot, moments[-1])
        print_verdict(verdict, problems, UTC, {}, out, snapshot=snapshot)
    await speaker.close()
    out.print()
    if speaker.shown:
        out.print(Text(f"On the desktop: {speaker.shown[-1]}."))
    elif speaker.refused:
        out.print(Text(f"Not shown on a desktop, so printed above: {speaker.refused}"))


def _progress(words: str) -> None:
    if draws(sys.stderr):
        print(f"\r\x1b[2K{words[:78]}", end="", file=sys.stderr, flush=True)
