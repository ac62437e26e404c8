"""Every story told over its weeks through the real protocols: what the person reads is held as a golden file.

    UPDATE_GOLDEN=1 python -m pytest tests/story/test_stories.py

writes the files anew; read the difference aloud before it is kept.
"""

from __future__ import annotations

import os
from datetime import UTC, date
from pathlib import Path

import pytest

from backupwatch import log
from backupwatch import round as rounds
from backupwatch.alerts.message import Message
from backupwatch.delivery.channel import Outcome, Receipt
from backupwatch.judge.finding import State
from backupwatch.simulator import scenario as scenarios
from backupwatch.story import telling

GOLDEN = Path(__file__).parents[1] / "golden" / "stories"
TODAY = date(2026, 11, 22)
STORIES = sorted(set(scenarios.shipped()) - {"faults", "school-cart-40"})


class Ear:
    """Hears every message."""

    name = "ear"

    def __init__(self) -> None:
        self.heard: list[Message] = []

    async def deliver(self, message: Message) -> Receipt:
        self.heard.append(message)
        return Receipt(Outcome.SHOWN, self.name, evidence="heard")

    async def withdraw(self, thread: str) -> None:
        pass

    async def close(self) -> None:
        pass


async def tell(name: str, folder: Path) -> tuple[str, list[State], dict[str, list[str]]]:
    """The story as a page, the final states, and the causes of each phone, the main one first."""
    log.configure(level="critical")
    story, ear = scenarios.find(name), Ear()
    lines = [story.title, ""]
    async with telling(story, folder, [ear], today=TODAY) as told:
        for moment in told.moments():
            ear.heard.clear()
            await told.look_at(moment)
            for message in ear.heard:
                body = [f"    {line}" for line in message.body.split("\n")]
                lines += [f"{moment:%a %d %b, %H:%M}  [{message.urgency.value}]", f"  {message.title}", *body, ""]
        _, verdict = rounds.judged(told.watch, told.moments()[-1])
    for device in verdict.devices:
        lines.append(f"{device.name}: {device.state.value}")
        for cause in device.causes:
            lines.append(f"  {cause.id} ({cause.certainty.value}): {cause.summary}")
            lines += [f"    - {sentence}" for sentence in cause.evidence]
            lines += [f"    {number}. {step}" for number, step in enumerate(cause.fix, start=1)]
    causes = {device.udid: [cause.id for cause in device.causes] for device in verdict.devices}
    return "\n".join(lines) + "\n", [device.state for device in verdict.devices], causes


@pytest.mark.parametrize("name", STORIES)
async def test_the_story_is_told_in_these_words(name: str, tmp_path: Path) -> None:
    page, _, causes = await tell(name, tmp_path)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text("utf-8")
    expected = scenarios.find(name).cause
    if expected:
        assert [named[0] for named in causes.values() if named][:1] == [expected]


async def test_a_school_cart_with_one_cause_speaks_once_and_not_forty_times(tmp_path: Path) -> None:
    log.configure(level="critical")
    story, ear = scenarios.find("school-cart-40"), Ear()
    async with telling(story, tmp_path, [ear], today=TODAY) as told:
        for moment in told.moments():
            await told.look_at(moment)
        _, verdict = rounds.judged(told.watch, told.moments()[-1])
    assert len(verdict.devices) == 40
    assert len({message.title for message in ear.heard}) <= 8


async def test_faults_of_one_phone_never_harm_the_next(tmp_path: Path) -> None:
    """Hang, reset, garbage, endless answers: the healthy phone of the same look is fresh."""
    log.configure(level="critical")
    story = scenarios.find("faults")
    async with telling(story, tmp_path, [Ear()], today=TODAY) as told:
        await told.look_at(told.moments()[-1])
        snapshot, verdict = rounds.judged(told.watch, told.moments()[-1])
    assert State.FRESH in [device.state for device in verdict.devices]
    assert any(view.blind("iphone") for view in snapshot.phones.values())
    assert verdict.generated_at.tzinfo is UTC
