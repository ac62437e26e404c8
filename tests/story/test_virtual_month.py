"""What people live through with a watcher that runs for a month: sleep, wrong clocks, journeys, servers that fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from virtual import ALL, DAY, HOUR, MINUTE, World, gaps, live

from backupwatch import log
from backupwatch.delivery.channel import Outcome
from backupwatch.facts.observation import ACCOUNT, STATUS, Blind, BlindReason
from backupwatch.paths import account_dir
from backupwatch.settings.values import Account, Alerts, Config

START = datetime(2026, 10, 1, 12, tzinfo=UTC)
ANNA = Account(apple_id="anna@example.com")

Tell = Callable[[Callable[[World], Coroutine[Any, Any, None]]], World]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    log.configure(level="critical")


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """A world of one phone, from :data:`START` on."""
    return lambda story: live(lambda wall: World(tmp_path, wall), story, START)


def test_rounds_are_on_time_and_one_at_a_time(tell: Tell) -> None:
    async def days(world: World) -> None:
        await world.until(4 * DAY)

    world = tell(days)
    for source, interval in (("iphone", HOUR / 2), ("icloud", 6 * HOUR), ("apple-status", HOUR)):
        between = gaps(world.looks[source])
        assert min(between) >= interval * 0.94, source
        assert max(between) <= interval * 1.06 + MINUTE, source
        assert len(between) == pytest.approx(4 * DAY / interval, rel=0.08), source
    assert world.most_at_once == 1


def test_a_month_of_a_laptop_that_sleeps_most_of_the_day(tell: Tell) -> None:
    """Every alert of the story is told once, in its order, and every look is made while the laptop is awake."""

    async def month(world: World) -> None:
        lost = START + 5 * DAY
        world.last_backup = lambda now: min(now - 10 * HOUR, lost) if now < START + 25 * DAY else now - HOUR
        for _ in range(30):
            await world.until(6 * HOUR)
            world.suspend(18 * HOUR)

    world = tell(month)
    assert len({message.id for _, message in world.messages}) == len(world.messages)
    said = [message.title for _, message in world.messages]
    assert said[0] == "Anna: no backup for 3 days"
    assert all("Reminder" in title or "no backup" in title for title in said[1:-1])
    assert said[-1] == "Anna is backed up again"
    assert 6 <= len(said) <= 8, said  # stale, overdue, reminders after one, two, four and seven days, recovery
    assert len(world.looks["iphone"]) == pytest.approx(30 * 12, rel=0.15)
    assert 30 <= len(world.looks["icloud"]) <= 2 * 30  # at each waking, and perhaps once more before it sleeps again
    assert world.most_at_once == 1


def test_after_a_night_asleep_everything_overdue_runs_within_a_minute_and_once(tell: Tell) -> None:
    nights: list[datetime] = []

    async def sleeper(world: World) -> None:
        for _ in range(3):
            await world.until(14 * HOUR)
            world.suspend(10 * HOUR)
            nights.append(datetime.now(UTC))

    world = tell(sleeper)
    for woke in nights[:-1]:
        for source in ("iphone", "icloud", "apple-status"):
            assert len(world.looked_within(source, woke, woke + MINUTE)) == 1, (source, woke)
            assert len(world.looked_within(source, woke, woke + 25 * MINUTE)) == 1, (source, woke)
    assert world.most_at_once == 1


def test_rounds_that_were_slept_through_are_counted(tell: Tell) -> None:
    counted: dict[str, int] = {}

    async def sleeper(world: World) -> None:
        await world.until(HOUR)
        world.suspend(10 * HOUR)
        await world.until(HOUR)
        counted.update({name: status.missed for name, status in world.store.sources().items()})

    tell(sleeper)
    assert 18 <= counted["iphone"] <= 20
    assert counted["icloud"] == 0


@pytest.mark.parametrize("jump", [-5 * HOUR, -400 * DAY, 5 * HOUR, 400 * DAY], ids=str)
def test_a_clock_that_is_set_neither_stops_the_rounds_nor_starts_a_storm(tell: Tell, jump: timedelta) -> None:
    moments: list[datetime] = []

    async def corrected(world: World) -> None:
        await world.until(3 * HOUR + 10 * MINUTE)
        world.suspend(jump)
        moments.append(datetime.now(UTC))
        world.looks.clear()
        await world.until(12 * HOUR)

    world = tell(corrected)
    (begin,) = moments
    for source, interval in (("iphone", HOUR / 2), ("apple-status", HOUR)):
        looks = [begin, *world.looks[source]]
        assert max(gaps(looks)) <= interval * 1.06 + 2 * MINUTE, source
        assert len(looks) <= 12 * HOUR / interval + 3, source


def test_a_phone_that_was_judged_by_a_wrong_clock_is_judged_anew_when_it_is_right(tell: Tell) -> None:
    """A year ahead for an hour: no second alarm later, and fresh again as soon as the clock is right."""

    async def corrected(world: World) -> None:
        world.last_backup = lambda _now: START - 10 * HOUR
        await world.until(HOUR)
        world.suspend(365 * DAY)
        await world.until(HOUR)
        world.suspend(-365 * DAY)
        await world.until(2 * HOUR)
        assert world.daemon.watch.last is not None
        assert [device.state for device in world.daemon.watch.last.devices] == ["fresh"]
        told = len(world.messages)
        await world.until(DAY)
        assert len(world.messages) == told

    tell(corrected)


def test_the_morning_message_comes_at_the_persons_own_half_past_seven_also_when_clocks_change(tmp_path: Path) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 10, 24, 12, tzinfo=UTC)  # clocks go back in the following night

    def world(wall: Any) -> World:
        made = World(tmp_path, wall, zone=berlin, config=Config(account=ANNA))
        made.last_backup = lambda _now: begin - 2 * DAY - 12 * HOUR  # stale from midnight UTC on
        return made

    async def night(world: World) -> None:
        await world.until(DAY)

    (at, _message), *rest = live(world, night, begin).messages
    assert rest == []
    due = datetime(2026, 10, 25, 7, 30, tzinfo=berlin)
    assert due <= at <= due + MINUTE


def test_a_journey_moves_the_quiet_hours(tmp_path: Path) -> None:
    """Stale at midnight in Berlin; by then the person has landed where it is afternoon."""

    def world(wall: Any) -> World:
        made = World(tmp_path, wall, zone=ZoneInfo("Europe/Berlin"), config=Config(account=ANNA))
        made.last_backup = lambda _now: START - 2 * DAY - 13 * HOUR  # stale at 23:00 UTC
        return made

    async def journey(world: World) -> None:
        await world.until(11 * HOUR + 40 * MINUTE)
        assert world.messages == []
        world.zone = ZoneInfo("America/Los_Angeles")
        await world.until(35 * MINUTE)
        assert len(world.messages) == 1

    live(world, journey, START)


def test_an_account_that_fails_is_asked_less_and_less_often_but_at_least_daily(tell: Tell) -> None:
    async def outage(world: World) -> None:
        world.failing["icloud"] = lambda now: Blind(ACCOUNT, "icloud", BlindReason.SERVER, "Apple has trouble", now)
        await world.until(6 * DAY)
        del world.failing["icloud"]
        await world.until(2 * DAY)

    world = tell(outage)
    failed = gaps(at for at in world.looks["icloud"] if at < START + 6 * DAY)
    assert len(failed) < 12
    assert max(failed) <= DAY * 1.1
    assert failed[-1] > 17 * HOUR
    assert gaps(world.looks["icloud"])[-1] < 7 * HOUR  # and as usual when it works again


def test_a_refused_account_is_left_alone_until_the_person_signs_in(tmp_path: Path, tell: Tell) -> None:
    async def refused(world: World) -> None:
        world.failing["icloud"] = lambda now: Blind(ACCOUNT, "icloud", BlindReason.SIGN_IN, "Sign in", now)
        await world.until(3 * DAY)
        assert len(world.looks["icloud"]) == 1
        world.failing.clear()
        account_dir(tmp_path).mkdir()
        note = account_dir(tmp_path) / "signed-in.json"
        note.write_text("{}")
        stamp = datetime.now(UTC).timestamp()
        os.utime(note, (stamp, stamp))
        await world.until(MINUTE)
        assert len(world.looks["icloud"]) == 2
        await world.until(DAY)
        assert len(world.looks["icloud"]) >= 5

    tell(refused)


def test_a_page_that_asks_for_patience_gets_it(tell: Tell) -> None:
    async def busy(world: World) -> None:
        reason = BlindReason.RATE_LIMITED
        world.failing["apple-status"] = lambda now: Blind(STATUS, "apple-status", reason, "Later", now, 20 * 3600.0)
        await world.until(3 * DAY)

    looks = tell(busy).looks["apple-status"]
    assert min(gaps(looks)) >= 20 * HOUR
    assert len(looks) >= 3


def test_a_laptop_without_network_looks_as_soon_as_it_wakes(tell: Tell) -> None:
    async def offline(world: World) -> None:
        world.failing["icloud"] = lambda now: Blind(ACCOUNT, "icloud", BlindReason.NETWORK, "No network", now)
        await world.until(2 * DAY)
        world.failing.clear()
        world.looks.clear()
        world.suspend(HOUR / 2)
        await world.until(MINUTE)
        assert len(world.looks["icloud"]) == 1

    tell(offline)


def test_a_screen_that_appears_after_days_gets_what_is_still_true_and_nothing_twice(tmp_path: Path) -> None:
    def world(wall: Any) -> World:
        made = World(tmp_path, wall, config=Config(account=ANNA, alerts=Alerts(quiet_hours=None)))
        made.receipt = Outcome.LATER
        made.last_backup = lambda _now: START - 2 * DAY
        return made

    async def nobody(world: World) -> None:
        await world.until(3 * DAY)
        waiting = world.store.pending()
        assert len(waiting) == 1
        assert waiting[0].attempts < 2 * 24 * 6 + 10  # every ten minutes at most
        world.receipt = Outcome.SHOWN
        await world.until(11 * MINUTE)
        assert len(world.messages) == 1
        await world.until(20 * HOUR)
        assert len(world.messages) == 1

    live(world, nobody, START)


def test_a_second_daemon_life_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    """Stopped and started every hour for two days: the phone is told once, not at each start."""
    messages: list[str] = []
    for hour in range(48):

        def world(wall: Any) -> World:
            made = World(tmp_path, wall, config=Config(account=ANNA, alerts=Alerts(quiet_hours=None)))
            made.last_backup = lambda _now: START - 2 * DAY - 12 * HOUR
            return made

        async def while_(world: World) -> None:
            await world.until(50 * MINUTE)

        messages += [message.id for _, message in live(world, while_, START + hour * HOUR).messages]
    assert len(messages) == len(set(messages)) == 2  # stale, and one reminder a day later


def test_all_sources_are_looked_at_within_a_minute_of_the_start(tell: Tell) -> None:
    async def start(world: World) -> None:
        world.takes = 1.0
        await world.until(MINUTE)

    looked = tell(start).looks
    assert set(looked) == set(ALL) - {"ios-releases"}  # no phone was known yet whose versions could be asked for
