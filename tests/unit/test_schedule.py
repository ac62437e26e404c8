"""When each source is looked at next: tables of clocks and failures, no waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.facts.observation import ACCOUNT, RELEASES, STATUS, Blind, BlindReason, Observation
from backupwatch.schedule import REMOTE, Plan, Schedule, intervals
from backupwatch.settings.values import Account, Config, Polling

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CONFIG = Config()
SUBJECTS = {"icloud": ACCOUNT, "apple-status": STATUS, "ios-releases": RELEASES}


def blind(source: str, reason: BlindReason, retry_after: float | None = None) -> Blind:
    return Blind(SUBJECTS[source], source, reason, "a sentence", NOW, retry_after)


def schedule(dice: float = 0.5) -> Schedule:
    made = Schedule(lambda: dice, "this computer")
    for source in intervals(CONFIG):
        made.asked(source, CONFIG, NOW)
    return made


def test_everything_is_due_at_first_and_nothing_after_it_was_asked() -> None:
    assert set(Schedule(lambda: 0.5).ready(CONFIG, NOW)) == set(intervals(CONFIG))
    assert schedule().ready(CONFIG, NOW) == []


def test_each_source_is_due_after_its_own_interval() -> None:
    plan = schedule()
    assert plan.ready(CONFIG, NOW + HOUR / 2) == ["iphone"]
    assert set(plan.ready(CONFIG, NOW + HOUR)) == {"iphone", "apple-status", "local-backups"}
    assert "icloud" in plan.ready(CONFIG, NOW + 6 * HOUR)


@given(st.floats(0, 1), st.timedeltas(timedelta(days=-2000), timedelta(days=2000)))
def test_whatever_the_clock_does_a_source_is_due_within_its_interval_of_it(dice: float, jump: timedelta) -> None:
    """Set to any moment, the schedule asks every source within one spread interval of the new clock, or at once."""
    plan = schedule(dice)
    ready = plan.ready(CONFIG, NOW + jump)
    for source, interval in intervals(CONFIG).items():
        at = plan.plans[source].at
        assert at is not None
        assert source in ready or at - (NOW + jump) <= interval * 1.05 + timedelta(minutes=1)


@given(st.lists(st.sampled_from([r for r in BlindReason if r is not BlindReason.NOT_CONFIGURED]), max_size=30),
       st.sampled_from(sorted(REMOTE)), st.none() | st.floats(0, 1e12), st.floats(0, 1))  # fmt: skip
def test_a_server_is_never_asked_sooner_than_it_wants_nor_given_up_but_by_refusal(
    reasons: list[BlindReason], source: str, wait: float | None, dice: float
) -> None:
    plan = schedule(dice)
    for reason in reasons:
        plan.answered(source, [blind(source, reason)], CONFIG, NOW)
    plan.answered(source, [blind(source, BlindReason.SERVER, min(wait, 6 * 86_400) if wait else wait)], CONFIG, NOW)
    at = plan.plans[source].at
    assert at is not None
    assert at - NOW >= min(intervals(CONFIG)[source] * 0.95, HOUR * 0.74)
    assert wait is None or at - NOW >= timedelta(seconds=min(wait, 6 * 86_400))
    assert wait is not None or at - NOW <= DAY * 1.06


@pytest.mark.parametrize("reason", [BlindReason.REFUSED, BlindReason.SIGN_IN])
def test_after_a_refusal_the_account_waits_for_the_person_also_across_restarts(reason: BlindReason) -> None:
    plan = schedule()
    plan.answered("icloud", [blind("icloud", reason)], CONFIG, NOW)
    assert "icloud" not in plan.ready(CONFIG, NOW + 1000 * DAY)
    assert "icloud" not in plan.ready(CONFIG, NOW - 1000 * DAY)
    assert plan.parked("icloud") == NOW
    again = Schedule(lambda: 0.5)
    again.resume(NOW, None, blind("icloud", reason), acted=False)
    assert "icloud" not in again.ready(CONFIG, NOW + 1000 * DAY)
    again.person_acted()
    assert "icloud" in again.ready(CONFIG, NOW)


def test_a_restart_does_not_ask_the_account_sooner_unless_the_person_signed_in() -> None:
    plan = Schedule(lambda: 0.5)
    plan.resume(NOW - HOUR, NOW + 5 * HOUR, None, acted=False)
    assert "icloud" not in plan.ready(CONFIG, NOW)
    assert "iphone" in plan.ready(CONFIG, NOW)
    plan = Schedule(lambda: 0.5)
    plan.resume(NOW - HOUR, NOW + 5 * HOUR, None, acted=True)
    assert "icloud" in plan.ready(CONFIG, NOW)


def test_our_own_missing_network_does_not_make_a_server_wait() -> None:
    plan = schedule()
    for _ in range(10):
        plan.answered("apple-status", [blind("apple-status", BlindReason.NETWORK)], CONFIG, NOW)
    assert plan.plans["apple-status"].at == NOW + HOUR
    plan.network_may_be_back()
    assert plan.ready(CONFIG, NOW) == ["apple-status"]


def test_success_ends_the_back_off() -> None:
    plan = schedule()
    for _ in range(6):
        plan.answered("apple-status", [blind("apple-status", BlindReason.SERVER)], CONFIG, NOW)
    assert plan.plans["apple-status"].at == NOW + DAY
    plan.answered("apple-status", [Observation(STATUS, "service_events", [], NOW, "apple-status")], CONFIG, NOW)
    assert plan.plans["apple-status"].at == NOW + HOUR


def test_a_shorter_interval_counts_from_the_last_look() -> None:
    plan, quick = schedule(), replace(CONFIG, polling=Polling(devices_every=timedelta(minutes=5)))
    plan.changed(CONFIG, quick)
    assert plan.ready(quick, NOW + timedelta(minutes=4)) == []
    assert plan.ready(quick, NOW + timedelta(minutes=5)) == ["iphone"]


def test_an_account_that_was_just_configured_is_looked_at_now() -> None:
    plan, config = schedule(), replace(CONFIG, account=Account(apple_id="anna@example.com"))
    plan.changed(CONFIG, config)
    assert plan.ready(config, NOW) == ["icloud"]


def test_a_source_with_nothing_to_ask_is_thought_of_again_soon() -> None:
    plan = schedule()
    plan.nothing_to_ask("ios-releases", CONFIG, NOW)
    assert "ios-releases" in plan.ready(CONFIG, NOW + HOUR / 2)


def test_what_got_lost_is_looked_at_again_soon_but_no_server_is_bothered() -> None:
    plan = schedule()
    for source in intervals(CONFIG):
        plan.again(source, NOW + timedelta(minutes=5))
    assert set(plan.ready(CONFIG, NOW + timedelta(minutes=5))) == {"iphone", "local-backups"}


def test_looks_that_were_slept_through_are_counted() -> None:
    plan = schedule()
    assert plan.late(CONFIG, NOW + HOUR / 2 + timedelta(minutes=1)) == {}
    assert plan.late(CONFIG, NOW + 10 * HOUR)["iphone"] == 19
    plan.plans["icloud"] = Plan(NOW, None)
    assert "icloud" not in plan.late(CONFIG, NOW + 100 * DAY)
