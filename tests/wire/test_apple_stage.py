"""Apple's pages as the stage plays them, read by real workers, day after day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from simulator_kit import on_stage

from backupwatch.facts import kinds
from backupwatch.facts.observation import RELEASES, STATUS, Blind, BlindReason, Fact, Observation
from backupwatch.simulator.stage import StageInThread
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

STORY = """
title = "An outage at night"
[[phone]]
udid = "00008140-001C2D3E4F50001C"
name = "Anna"
model = "iPhone17,1"
[[apple.event]]
from = {{ day = -1, time = "22:00" }}
to = {{ day = 0, time = "06:00" }}
[[apple.event]]
service = "iCloud Account & Sign In"
type = "Maintenance"
from = {{ day = 0, time = "20:00" }}
to = {{ day = 0, time = "21:00" }}
[[apple.event]]
service = "Find My"
from = {{ day = -1, time = "22:00" }}
[[apple.release]]
version = "26.1"
build = "23B85"
day = -20
models = ["iPhone17,1", "iPhone12,1"]
[[apple.release]]
version = "18.7.2"
build = "22H120"
day = -20
models = ["iPhone12,1", "iPhone11,8"]
[[apple.release]]
version = "26.2"
build = "23C50"
day = 0
models = ["iPhone17,1"]
{more}
"""
NIGHT, DAY = datetime(2026, 11, 22, 3, tzinfo=UTC), datetime(2026, 11, 22, 13, tzinfo=UTC)
MODELS = ["iPhone17,1", "iPhone12,1", "iPhone11,8", "iPhone1,1"]


@pytest.fixture(params=["", "[apple]\njsonp = true"], ids=["json", "jsonp"])
def stage(request: pytest.FixtureRequest) -> Iterator[StageInThread]:
    title, _, rest = STORY.format(more="").partition("[[phone]]")
    with on_stage(f"{title}{request.param}\n[[phone]]{rest}") as stage:
        yield stage


async def look(stage: StageInThread, state: Path, now: datetime, which: str, **args: Any) -> list[Fact]:
    stage.move_to(now)
    url = stage.advanced["system_status" if which == "apple-status" else "ios_releases"]
    subject = STATUS if which == "apple-status" else RELEASES
    request = Request(now, state, {"url": url, "min_age_s": 0, "patience_s": 10, "models": MODELS, **args})
    return await Looker().look(which, request, 60, subject=subject)


def value(facts: list[Fact], kind: str) -> Any:
    (found,) = (f for f in facts if isinstance(f, Observation) and f.kind == kind)
    return found.value


async def test_an_outage_is_seen_while_it_lasts_and_remembered_after(stage: StageInThread, tmp_path: Path) -> None:
    """In the night it goes on; at noon it is over and its hours are known; planned work is announced."""
    outage = {
        "service": "iCloud Backup",
        "type": "Outage",
        "status": "ongoing",
        "started_at": "2026-11-21T22:00:00Z",
        "ended_at": None,
    }
    planned = {
        "service": "iCloud Account & Sign In",
        "type": "Maintenance",
        "status": "upcoming",
        "started_at": "2026-11-22T20:00:00Z",
        "ended_at": "2026-11-22T21:00:00Z",
    }
    night = await look(stage, tmp_path, NIGHT, "apple-status")
    assert value(night, kinds.SERVICE_EVENTS) == [outage, planned]
    noon = await look(stage, tmp_path, DAY, "apple-status")
    assert value(noon, kinds.SERVICE_EVENTS) == [
        outage | {"status": "resolved", "ended_at": "2026-11-22T06:00:00Z"},
        planned,
    ]
    assert "iCloud Backup" in value(noon, kinds.SERVICES_LISTED)
    assert not any(isinstance(f, Blind) for f in night + noon)
    again = await look(stage, tmp_path, DAY + timedelta(hours=1), "apple-status")
    assert value(again, kinds.SERVICE_EVENTS) == value(noon, kinds.SERVICE_EVENTS)
    assert [status for path, status in stage.apple.requests if path.endswith(".js")] == [200, 200, 304]


async def test_both_lists_of_releases_say_the_same(tmp_path: Path) -> None:
    """The public feed and Apple's own list end in the same fact; a new release appears on its day."""
    old = {"version": "26.1", "released_at": "2026-11-02T00:00:00Z"}
    new = {"version": "26.2", "released_at": "2026-11-22T00:00:00Z"}
    with on_stage(STORY.format(more="")) as stage:
        before = value(await look(stage, tmp_path, NIGHT - timedelta(days=1), "ios-releases"), kinds.IOS_RELEASES)
        after = value(await look(stage, tmp_path, DAY, "ios-releases"), kinds.IOS_RELEASES)
        apples = value(await look(stage, tmp_path, DAY, "ios-releases", url=stage.apple.gdmf), kinds.IOS_RELEASES)
        assert not any("iPhone" in path for path, _ in stage.apple.requests)
    assert before["iPhone17,1"] == old | {"own_major": {"26": "26.1"}}
    assert after == apples
    assert after["iPhone17,1"] == new | {"own_major": {"26": "26.2"}}
    assert after["iPhone12,1"] == old | {"own_major": {"26": "26.1", "18": "18.7.2"}}
    assert after["iPhone11,8"] == {
        "version": "18.7.2",
        "released_at": "2026-11-02T00:00:00Z",
        "own_major": {"18": "18.7.2"},
    }
    assert "iPhone1,1" not in after


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("hang", BlindReason.TIMEOUT),
        ("slow", BlindReason.TIMEOUT),
        ("reset", BlindReason.CONNECTION),
        ("truncated", BlindReason.CONNECTION),
        ("html", BlindReason.PORTAL),
        ("500", BlindReason.SERVER),
        ("503", BlindReason.SERVER),
    ],
)
async def test_without_apple_the_last_good_copy_speaks_for_its_own_time(
    fault: str, reason: BlindReason, tmp_path: Path
) -> None:
    """What was seen in the night stays known at noon, as of the night, and the trouble has its name."""
    more = f'[[apple.fault]]\nkind = "{fault}"\nfrom = {{ day = 0, time = "12:00" }}'
    with on_stage(STORY.format(more=more)) as stage:
        for which in ("apple-status", "ios-releases"):
            night = await look(stage, tmp_path, NIGHT, which)
            noon = await look(stage, tmp_path, DAY, which, patience_s=1 if reason is BlindReason.TIMEOUT else 10)
            *facts, blind = noon
            assert facts == night, "the same facts with the same date"
            assert isinstance(blind, Blind)
            assert blind.reason is reason
            assert "10 hours ago" in blind.sentence
            assert blind.retry_after == (120 if fault == "503" else None)
