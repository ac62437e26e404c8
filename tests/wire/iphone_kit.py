"""What the tests of the iPhone source share: a stage, a real worker process, and the facts sorted by phone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backupwatch.facts.observation import Blind, BlindReason, Fact, Json, Observation, SubjectKind
from backupwatch.simulator import scenario
from backupwatch.simulator.stage import Stage, StageInThread
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

ANNA = "00008140-001C2D3E4F50001C"
BEN = "00008130-001A2B3C4D50002D"
STEPS = 60.0
"""Seconds for a whole look; no test waits for it."""


def udid(number: int) -> str:
    """One of many."""
    return f"00008140-{number:016X}"


@contextmanager
def stage(text: str, **options: Any) -> Iterator[StageInThread]:
    """A story from TOML, on stage in a thread."""
    script = scenario.parse(f'title = "test"\n{text}', "test.toml")
    with (
        TemporaryDirectory(prefix="bw", dir="/tmp") as folder,
        Stage.in_thread(script, Path(folder), **options) as play,
    ):
        yield play


class Seen:
    """The facts of one look, by phone."""

    def __init__(self, facts: list[Fact]) -> None:
        self.facts = facts
        self.values: dict[str, dict[str, Json]] = defaultdict(dict)
        self.blinds: dict[str, dict[str, BlindReason]] = defaultdict(dict)
        self.events: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for fact in facts:
            if isinstance(fact, Blind):
                self.blinds[fact.subject.id][fact.look] = fact.reason
            elif fact.kind == "log":
                self.events[fact.subject.id].append(dict(fact.value))  # type: ignore[arg-type, call-overload]
            else:
                self.values[fact.subject.id][fact.kind] = fact.value

    @property
    def phones(self) -> set[str]:
        """Every phone that anything was said about."""
        return {fact.subject.id for fact in self.facts if fact.subject.kind is SubjectKind.PHONE}

    def sentence(self, ident: str, look: str) -> str:
        """The sentence of a Blind."""
        return next(
            fact.sentence
            for fact in self.facts
            if isinstance(fact, Blind) and fact.subject.id == ident and fact.look == look
        )

    def observations(self) -> list[Observation]:
        """Only what was seen."""
        return [fact for fact in self.facts if isinstance(fact, Observation)]


async def look(play: StageInThread, home: Path, /, looker: Looker | None = None, **args: Any) -> Seen:
    """One look at the stage through a real worker process, with a home folder of its own."""
    own = looker or Looker(environment=environment(play.usbmuxd_address, home))
    try:
        return Seen(await own.look("iphone", Request(play.now, home, args), STEPS))
    finally:
        await own.close()


def environment(address: str, home: Path) -> dict[str, str]:
    """What a worker gets."""
    return {"USBMUXD_SOCKET_ADDRESS": address, "HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
