"""Every way in which a phone can misbehave ends in a named Blind, and costs no other phone anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from iphone_kit import ANNA, BEN, STEPS, Seen, environment, look, stage, udid

from backupwatch.facts.observation import BlindReason as Why
from backupwatch.sources.iphone_reading import PARTS
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

BACKUP, BATTERY = "getvalue:com.apple.mobile.backup", "getvalue:com.apple.mobile.battery"
DIAGNOSTICS, MANAGEMENT = "service:com.apple.mobile.diagnostics_relay", "service:com.apple.mobile.MCInstall"
SHORT = 3.0
"""Seconds for a phone; those that hang use them up side by side."""

WHOLE: list[tuple[str, str, Why]] = [
    ("connect", "hang", Why.TIMEOUT),
    ("connect", "reset", Why.CONNECTION),
    ("connect", "refuse", Why.CONNECTION),
    ("connect", "vanish", Why.CONNECTION),
    *(
        (step, kind, reason)
        for step in ("getvalue", "startsession", BACKUP)
        for kind, reason in (
            ("hang", Why.TIMEOUT),
            ("reset", Why.CONNECTION),
            ("garbage", Why.GARBAGE),
            ("nonsense", Why.GARBAGE),
            ("huge-length", Why.GARBAGE),
            ("endless", Why.GARBAGE),
            ("slow", Why.TIMEOUT),
            ("vanish", Why.GONE),
        )
    ),
    ("tls", "hang", Why.TIMEOUT),
    ("tls", "garbage", Why.GARBAGE),
    ("tls", "reset", Why.UNTRUSTED),
    ("tls", "vanish", Why.GONE),
]
"""Where it strikes, how, and what the whole phone's trouble is then called."""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One poll of a healthy phone among phones with every fault of :data:`WHOLE`."""
    story = f'[[phone]]\nudid = "{ANNA}"\nbackups = [{{}}]\n'
    for number, (step, kind, _) in enumerate(WHOLE):
        story += f'[[phone]]\nudid = "{udid(number)}"\nfault = [{{ step = "{step}", kind = "{kind}", pause = 60.0 }}]\n'
    story += f'[[phone]]\nudid = "{BEN}"\nbackups = [{{}}]\n'
    with stage(story) as play:
        home = tmp_path_factory.mktemp("home")
        return asyncio.run(look(play, home, phone_deadline_s=SHORT, concurrency=64))


@pytest.mark.parametrize(("number", "fault"), list(enumerate(WHOLE)), ids=[f"{step}-{kind}" for step, kind, _ in WHOLE])
def test_a_broken_phone_ends_in_a_named_blind(crowd: Seen, number: int, fault: tuple[str, str, Why]) -> None:
    """A hang is a time-out, a reset a broken connection, nonsense is called nonsense: each phone for itself."""
    assert crowd.blinds[udid(number)] == {"iphone": fault[2]}


@pytest.mark.parametrize("healthy", [ANNA, BEN])
def test_the_healthy_phones_of_the_same_poll_are_unharmed(crowd: Seen, healthy: str) -> None:
    """Thirty broken neighbours cost nothing."""
    assert crowd.blinds[healthy] == {}
    assert crowd.values[healthy]["last_cloud_backup"]
    assert crowd.values[healthy]["profiles"] == []


def test_what_was_read_before_the_fault_is_kept(crowd: Seen) -> None:
    """A phone that vanishes in the middle was seen nevertheless."""
    number = WHOLE.index((BACKUP, "vanish", Why.GONE))
    assert crowd.values[udid(number)]["trust"] == "trusted"


def test_a_hang_is_never_taken_for_lost_trust(crowd: Seen) -> None:
    """Only a phone that hangs up on our pair record, twice, lost its trust."""
    lost = [number for number in range(len(WHOLE)) if crowd.values[udid(number)].get("trust") == "lost"]
    assert lost == [WHOLE.index(("tls", "reset", Why.UNTRUSTED))]


def test_no_blind_quotes_what_the_phone_said(crowd: Seen) -> None:
    """The sentences are ours."""
    for number in range(len(WHOLE)):
        assert "plist" not in crowd.sentence(udid(number), "iphone").lower()


@pytest.mark.parametrize(
    ("step", "kind", "reason", "parts"),
    [
        (BATTERY, "garbage", Why.GARBAGE, {"battery"}),
        (BATTERY, "hang", Why.TIMEOUT, set(PARTS)),
        (BATTERY, "vanish", Why.GONE, set(PARTS)),
        ("getvalue:com.apple.purplebuddy", "nonsense", Why.GARBAGE, {"state"}),
        ("startservice", "garbage", Why.GARBAGE, {"wifi", "management"}),
        ("startservice", "hang", Why.TIMEOUT, {"wifi", "management"}),
        (DIAGNOSTICS, "refuse", Why.CONNECTION, {"wifi"}),
        (DIAGNOSTICS, "huge-length", Why.GARBAGE, {"wifi"}),
        (DIAGNOSTICS, "hang", Why.TIMEOUT, {"wifi", "management"}),
        (MANAGEMENT, "nonsense", Why.GARBAGE, {"management"}),
        (MANAGEMENT, "slow", Why.TIMEOUT, {"management"}),
    ],
)
async def test_a_part_that_fails_leaves_the_backup_dates_alone(
    tmp_path: Path, step: str, kind: str, reason: Why, parts: set[str]
) -> None:
    """Battery, diagnostics or profiles may break: what was read stands, what was not is named part by part."""
    story = f"""
    [[phone]]
    udid = "{ANNA}"
    backups = [{{}}]
    fault = [{{ step = "{step}", kind = "{kind}", pause = 60.0 }}]
    """
    with stage(story) as play:
        # Only one that hangs needs a deadline that passes; a busy computer must not be taken for one.
        seen = await look(play, tmp_path, phone_deadline_s=1.5 if reason is Why.TIMEOUT else 15.0)
        assert seen.values[ANNA]["last_cloud_backup"]
        # After nonsense the phone hangs up, and which of the two the client meets first is chance.
        either = {reason, Why.CONNECTION} if kind == "nonsense" else {reason}
        assert seen.blinds[ANNA].keys() == {f"iphone:{part}" for part in parts}
        assert set(seen.blinds[ANNA].values()) <= either


async def test_each_phones_clock_starts_when_its_turn_comes(tmp_path: Path) -> None:
    """Behind two phones that hang, one at a time, the third still has its whole deadline."""
    hung = 'fault = [{ step = "getvalue", kind = "hang" }]'
    story = "".join(f'[[phone]]\nudid = "{udid(number)}"\n{hung}\n' for number in (1, 2))
    with stage(f'{story}[[phone]]\nudid = "{ANNA}"') as play:
        seen = await look(play, tmp_path, phone_deadline_s=1.0, concurrency=1)
        assert {ident: set(seen.blinds[ident].values()) for ident in (udid(1), udid(2))} == {
            udid(1): {Why.TIMEOUT},
            udid(2): {Why.TIMEOUT},
        }
        assert seen.values[ANNA]["trust"] == "trusted"
        assert seen.blinds[ANNA] == {}


async def test_a_slow_phone_within_its_deadline_is_read(tmp_path: Path) -> None:
    """Slow is not broken."""
    story = f'[[phone]]\nudid = "{ANNA}"\nfault = [{{ step = "getvalue", kind = "slow", pause = 0.001 }}]'
    with stage(story) as play:
        seen = await look(play, tmp_path)
        assert seen.values[ANNA]["trust"] == "trusted"
        assert seen.blinds == {}


async def test_a_worker_that_met_every_fault_serves_the_next_request(tmp_path: Path) -> None:
    """Neither a cancelled read nor a dropped connection breaks the worker: the next look is whole."""
    kinds = ("hang", "reset", "garbage", "vanish")
    story = "".join(
        f'[[phone]]\nudid = "{udid(number)}"\nfault = [{{ step = "{BACKUP}", kind = "{kind}" }}]\n'
        for number, kind in enumerate(kinds)
    )
    with stage(f'{story}[[phone]]\nudid = "{ANNA}"') as play:
        looker = Looker(environment=environment(play.usbmuxd_address, tmp_path), keep=True)
        request = Request(play.now, tmp_path, {"phone_deadline_s": 1.0})
        try:
            for _ in range(3):
                seen = Seen(await looker.look("iphone", request, STEPS))
                assert seen.values[ANNA]["trust"] == "trusted"
            assert looker.deaths == 0
        finally:
            await looker.close()
