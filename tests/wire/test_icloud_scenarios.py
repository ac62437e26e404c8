"""The stories about the account, told whole: every round through the real workers, in virtual time."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, Observation
from backupwatch.simulator import scenario
from backupwatch.story import telling

TODAY = date(2026, 11, 22)


async def told(name: str) -> tuple[list[str], Any]:
    """The account's state after each round (the blind's reason where there is none), and the actor."""
    states: list[str] = []
    with TemporaryDirectory(prefix="bw", dir="/tmp") as folder:
        async with telling(scenario.find(name), Path(folder), [], today=TODAY) as story:
            for moment in story.moments():
                facts: list[Any] = []
                await story.look_at(moment, facts.append)
                seen = [f.value for f in facts if isinstance(f, Observation) and f.kind == kinds.ACCOUNT_STATE]
                blind = [f.reason.value for f in facts if f.subject == ACCOUNT and not isinstance(f, Observation)]
                states.append(seen[-1] if seen else blind[0])
            return states, story.stage.icloud


STORIES = {
    "icloud-full": ["ok"] * 17,
    "icloud-signed-out": ["ok", "ok", "ok", "sign-in-needed", "sign-in-needed"],
    "icloud-locked": ["ok", "ok", "ok", "locked", "locked"],
    "icloud-terms": ["ok", "ok", "terms", "terms", "ok"],
    "icloud-web-access-off": ["ok", "ok", "ok", "web-access-off", "web-access-off"],
    "icloud-bad-days": ["ok", "server", "rate-limited", "portal", "garbage", "garbage", "connection", "ok"],
}


@pytest.mark.parametrize("name", STORIES)
async def test_a_story_about_the_account_costs_no_sign_in(name: str) -> None:
    """Day by day the account's state is what the story says, and not one password is sent to find out."""
    states, icloud = await told(name)
    assert states == STORIES[name]
    assert (icloud.sign_ins, icloud.prompts, icloud.located) == (0, 0, 0)


async def test_every_story_has_an_account_that_can_be_read() -> None:
    """Shipped stories use only faults and words that the simulated account knows."""
    from backupwatch.simulator import icloud_account
    from backupwatch.simulator.icloud_http import faulty

    known = set(icloud_account.DEFAULTS) | {"messages", "over_quota", "almost_full", "paid", "at", "day", "time"}
    for path in scenario.shipped().values():
        account = scenario.load(path).account
        for table in (account, *account.get("at", [])):
            assert set(table) <= known, path
            for fault in table.get("faults", {}).values():
                assert fault == "none" or faulty(fault), path
