"""What the account's tests share: an actor whose account can be changed at will, and looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backupwatch.facts.observation import Blind, Fact, Json, Observation, to_line
from backupwatch.setup.login import Ask, SignedIn, SignIn
from backupwatch.simulator.icloud import ICloudActor
from backupwatch.simulator.icloud_account import DEFAULTS
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
ANNA = "anna@example.com"
PASSWORD = str(DEFAULTS["password"])
UDID = "00008140-001C2D3E4F50001C"
PHONE = {"udid": UDID, "name": "Anna's iPhone", "model": "iPhone17,1"}
DEVICE = {"name": "Anna’s iPhone", "model": "iPhone17,1", "os": "26.1", "battery": 0.42, "charging": True}


class Cloud:
    """The actor, its account, the watcher's state folder and a common clock."""

    def __init__(self, state: Path, looker: Looker) -> None:
        self.account: dict[str, Any] = {"devices": [DEVICE]}
        self.now = NOW
        self.state = state
        self.actor = ICloudActor(lambda: self.account, now=lambda: self.now)
        self.looker = looker
        self.phones: list[dict[str, str]] = [PHONE]
        self.printed: list[str] = []

    async def look(self, *, looker: Looker | None = None, deadline: float = 20, **args: Any) -> Seen:
        """One look through a real worker process."""
        wanted = {"apple_id": ANNA, "base_url": self.actor.base_url, "phones": self.phones, "find_my": True} | args
        before = len(self.actor.requests)
        request = Request(self.now, self.state, wanted)
        facts = await (looker or self.looker).look("icloud", request, deadline)
        self.printed += [to_line(fact) for fact in facts]
        return Seen(facts, [asked.endpoint for asked in self.actor.requests[before:]])

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.now += timedelta(**delta)

    def sign_in(self, *codes: str, password: str = PASSWORD, keep: bool = False) -> Spoken:
        """One explicit sign-in by a person who types these codes; blocks, so call it in a thread."""
        return Spoken(self, list(codes), password, keep)

    @property
    def folder(self) -> Path:
        return self.state / "account"


class Seen:
    """The facts of one look, and what was asked for them."""

    def __init__(self, facts: list[Fact], asked: list[str]) -> None:
        self.facts = facts
        self.asked = asked
        self.blinds = {fact.look: fact for fact in facts if isinstance(fact, Blind)}

    def value(self, kind: str, subject: str = "icloud") -> Json:
        """The last value of a kind, or None."""
        values = [
            fact.value
            for fact in self.facts
            if isinstance(fact, Observation) and fact.kind == kind and fact.subject.id == subject
        ]
        return values[-1] if values else None

    @property
    def reason(self) -> str | None:
        """Why the whole look failed, or None."""
        return self.blinds["icloud"].reason.value if "icloud" in self.blinds else None


class Spoken:
    """A person at the terminal: what was said to them, and how it ended."""

    def __init__(self, cloud: Cloud, codes: list[str], password: str, keep: bool) -> None:
        self.said: list[str] = []
        self.questions: list[str] = []
        self._codes, self._password, self._keep, self._cloud = codes, password, keep, cloud

    def __call__(self, apple_id: str = ANNA) -> SignedIn:
        ask = Ask(tell=self.said.append, line=self._line, secret=self._secret, yes=self._yes)
        cloud = self._cloud
        sign_in = SignIn(apple_id, ask, state=cloud.state, base_url=cloud.actor.base_url, clock=lambda: cloud.now)
        return sign_in.run()

    def _line(self, prompt: str) -> str:
        self.said.append(prompt)
        return self._codes.pop(0) if self._codes else ""

    def _secret(self, prompt: str) -> str:
        self.said.append(prompt)
        return self._password

    def _yes(self, question: str) -> bool:
        self.questions.append(question)
        return self._keep


@asynccontextmanager
async def cloud_at(state: Path, looker: Looker, **account: Any) -> AsyncIterator[Cloud]:
    """A running actor; nobody has signed in yet."""
    cloud = Cloud(state, looker)
    cloud.account |= account
    async with cloud.actor:
        yield cloud
