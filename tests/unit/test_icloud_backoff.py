"""When the account is looked at again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts.observation import ACCOUNT, Blind, BlindReason
from backupwatch.sources.icloud_backoff import next_account_look

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)
TEMPORARY = sorted(set(BlindReason) - {BlindReason.REFUSED, BlindReason.SIGN_IN, BlindReason.NOT_CONFIGURED})


def failed(reason: BlindReason, retry_after: float | None = None, look: str = "icloud") -> Blind:
    return Blind(ACCOUNT, look, reason, "…", NOW, retry_after)


@pytest.mark.parametrize("reason", [BlindReason.REFUSED, BlindReason.SIGN_IN, BlindReason.NOT_CONFIGURED])
def test_a_refusal_waits_for_the_person(reason: BlindReason) -> None:
    """After a refusal no clock brings the next look, only the person does."""
    assert next_account_look([failed(BlindReason.SERVER), failed(reason)], NOW, SIX_HOURS, "a") is None


@pytest.mark.parametrize("reason", [BlindReason.SIGN_IN, BlindReason.PROHIBITED, BlindReason.SERVER])
def test_a_part_that_is_not_offered_slows_nothing_down(reason: BlindReason) -> None:
    """Find My or storage that stay closed for weeks do not end or thin out the watch of the rest."""
    at = next_account_look([failed(reason, look="icloud:storage")] * 20, NOW, SIX_HOURS, "a")
    assert at is not None
    assert abs(at - NOW - SIX_HOURS) <= SIX_HOURS / 20


def test_a_part_that_asks_for_patience_gets_it() -> None:
    """When Apple says "later" about storage alone, nothing is asked before."""
    at = next_account_look([failed(BlindReason.SERVER, 40_000, look="icloud:storage")], NOW, SIX_HOURS, "a")
    assert at is not None
    assert at - NOW >= timedelta(seconds=40_000)


@given(
    st.lists(st.sampled_from(TEMPORARY), min_size=1, max_size=60),
    st.text(max_size=10),
    st.timedeltas(timedelta(minutes=1), timedelta(days=7)),
)
def test_trouble_is_met_with_patience_up_to_a_day(reasons: list[BlindReason], seed: str, interval: timedelta) -> None:
    """However often it failed: never sooner than three quarters of an hour, never later than a day."""
    at = next_account_look([failed(reason) for reason in reasons], NOW, interval, seed)
    assert at is not None
    assert timedelta(minutes=45) <= at - NOW <= timedelta(days=1)


def test_waiting_grows_until_a_day() -> None:
    """Each failure in a row doubles the wait, whatever the jitter; after a dozen it is about a day."""
    waits = []
    for count in range(1, 13):
        at = next_account_look([failed(BlindReason.SERVER)] * count, NOW, SIX_HOURS, "seed")
        assert at is not None
        waits.append(at - NOW)
    assert waits[:5] == sorted(waits[:5])
    assert waits[-1] >= timedelta(hours=18)


@given(st.floats(0, 7 * 86_400), st.text(max_size=5))
def test_apples_wish_is_honoured(seconds: float, seed: str) -> None:
    """Never earlier than Apple asked for, even where that is more than a day."""
    at = next_account_look([failed(BlindReason.RATE_LIMITED, seconds)], NOW, SIX_HOURS, seed)
    assert at is not None
    assert at - NOW >= timedelta(seconds=seconds)


def test_watchers_do_not_come_back_together() -> None:
    """Two computers that failed in the same second come back at different moments; one computer is predictable."""
    looks = [next_account_look([failed(BlindReason.SERVER)], NOW, SIX_HOURS, seed) for seed in ("a", "b", "a")]
    assert looks[0] != looks[1]
    assert looks[0] == looks[2]


def test_health_keeps_the_configured_pace() -> None:
    """Without trouble the next look comes after the configured time, give or take a twentieth."""
    at = next_account_look([], NOW, SIX_HOURS, "a")
    assert at is not None
    assert abs(at - NOW - SIX_HOURS) <= SIX_HOURS / 20
