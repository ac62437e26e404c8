"""Ranking: what a careful technician would say first, and what is easily confused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from facts_builder import NOW, UDID, ZONE, Story, Subjects, ago, outage
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.checks import Check, load
from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import BlindReason, phone
from backupwatch.judge.diagnosis import diagnose, rank
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut, State
from backupwatch.judge.limits import Limits
from backupwatch.judge.verdict import judge
from backupwatch.judge.verdict_json import to_json

Y, N = True, False


def blamed(ident: str, certainty: str, explains: float = 1.0, effort: int = 5, *, last: bool = False) -> Blamed:
    return Blamed(ident, Certainty(certainty), "s", ("e",), ("f",), "https://a", explains, effort, last)


def order(story: Story) -> list[str]:
    return [cause.id for cause in story.diagnosis().causes]


def test_certain_before_likely_before_possible_then_the_whole_gap_then_the_cheapest_fix() -> None:
    """The order that decides which cause stands in the notification."""
    wanted = [
        blamed("whole-cheap", "certain", 1.0, 1),
        blamed("whole-dear", "certain", 1.0, 60),
        blamed("part", "certain", 0.3, 1),
        blamed("likely", "likely", 1.0, 1),
        blamed("possible", "possible", 1.0, 1),
        blamed("last", "likely", 1.0, 1, last=True),
    ]
    assert list(rank(reversed(wanted))) == wanted


@given(st.permutations([blamed(f"c{n}", c, e) for n, c in enumerate(["certain", "likely"]) for e in (0.2, 1.0)]))
def test_the_order_does_not_depend_on_the_order_of_asking(answers: list[Blamed]) -> None:
    """Same facts, same order."""
    assert rank(answers) == rank(sorted(answers, key=lambda answer: (answer.id, answer.explains)))


def test_two_independent_certain_causes_are_both_told() -> None:
    """Storage full and an outage at once."""
    story = Story(4.5).quota(5.0).on_account().apple(outage(4.4))
    found = story.diagnosis().causes
    assert {cause.id for cause in found[:2]} == {"icloud-storage-full", "apple-outage"}
    assert all(cause.certainty is Certainty.CERTAIN for cause in found[:2])


def test_charging_but_never_locked_is_not_a_missing_charger() -> None:
    """The summary says which of the two it is."""
    story = Story().nights(kinds.ON_POWER, *[Y] * 9).nights(kinds.LOCKED, *[N] * 9)
    story.phone.at(kinds.LOCKED, True, NOW)
    assert "not left locked" in story.diagnosis().causes[0].summary
    without = Story().nights(kinds.ON_POWER, *[N] * 9).nights(kinds.LOCKED, *[N] * 9)
    assert "not charging" in without.diagnosis().causes[0].summary


def test_wifi_switched_off_is_not_a_phone_that_is_away() -> None:
    """Off: it says so itself, and is stale. Away: nobody has heard of it, and it is unseen."""
    off = Story(4.5).nights(kinds.WIFI_JOINED, *[N] * 4)
    assert off.verdict().state is State.STALE
    assert order(off) == ["no-wifi"]
    away = Story(4.5)
    for kind in list(away.phone.tracks):
        start = 4.5 if kind == kinds.LAST_CLOUD_BACKUP else 40
        away.phone.only(kind, away.phone.tracks[kind][-1].value, start, 4.0)
    (device,) = away.verdict().devices
    assert device.state is State.UNSEEN
    assert device.causes == ()


def test_a_locked_account_is_not_apple_being_down() -> None:
    """Locked: the account says so. Down: the status page says so. Unreachable: nobody knows."""
    locked = Story(4.5).on_account().apple()
    locked.account.only(kinds.ACCOUNT_STATE, "locked", 4.4)
    assert order(locked) == ["sign-in-needed"]
    down = Story(4.5).on_account().apple(outage(4.4, service="iCloud Account & Sign In"))
    down.account.only(kinds.ACCOUNT_STATE, "unreachable", 4.4)
    assert order(down) == ["apple-outage"]


def test_a_check_that_breaks_hides_no_other_cause() -> None:
    """Its own answer is that it failed; the round gets its name for the log."""

    def broken(_: Case) -> Finding:
        raise KeyError("secret text of a phone")

    story = Story()
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, False, 9)
    checks = [check for check in load() if check.id != "no-wifi"]
    found = diagnose(story.case(), [*checks, Check("no-wifi", broken, frozenset(State))])
    assert found.causes[0].id == "icloud-backup-off"
    assert [each.reason for each in found.not_checked if each.id == "no-wifi"] == [
        "this check failed by a mistake in the program"
    ]
    assert found.faults == ("no-wifi: KeyError",)


def test_a_missing_computer_backup_is_not_blamed_on_icloud() -> None:
    """Both kinds are wanted, iCloud is fine: full storage does not explain the computer."""
    story = Story(0.5).quota(5.0).on_account()
    story.phone.only(kinds.LAST_LOCAL_BACKUP, rfc3339(ago(20)), 20)
    story.limits = Limits(counts="both")
    assert story.verdict().state is State.OVERDUE
    assert order(story) == []
    assert isinstance(story.finding("icloud-storage-full"), NotChecked)


def test_a_fresh_phone_has_nothing_to_rule_out() -> None:
    """No list of eighteen answers for a phone that is fine."""
    (device,) = Story(0.5).quota(2.0).verdict().devices
    assert (device.state, device.causes, device.ruled_out, device.not_checked) == (State.FRESH, (), (), ())


@pytest.mark.parametrize(
    ("age", "left", "words"),
    [(149.0, None, ""), (151.0, 29, "in 29 days"), (179.5, 0, ""), (190.0, 0, "may have deleted")],
)
def test_apples_deletion_is_counted_down_from_day_150(age: float, left: int | None, words: str) -> None:
    """180 days after the last backup Apple may delete it."""
    (device,) = Story(age, watched=200.0).verdict().devices
    assert device.deletion_in_days == left
    assert words in " ".join(device.warnings)


# -- the verdict ------------------------------------------------------------------------------------------------


def household() -> Story:
    story = Story(9.5)
    for udid, name, age in (("b", "Ben", 0.5), ("c", "Cem", 4.5), ("d", "Dan", 0.6)):
        other = Story(age)
        other.phone.subject = phone(udid)
        other.phone.only(kinds.NAME, name)
        story.others[udid] = other.phone
    return story


def test_the_worst_phone_comes_first_and_gives_the_whole_its_state() -> None:
    """Overdue, stale, then the fresh ones by name."""
    verdict = household().verdict()
    assert verdict.state is State.OVERDUE
    assert [device.name for device in verdict.devices] == ["Anna's iPhone", "Cem", "Ben", "Dan"]


def test_an_ignored_phone_is_listed_and_does_not_count() -> None:
    """Its state is ignored, and nothing is diagnosed."""
    verdict = judge(household().snapshot(), lambda _: Limits(), {UDID, "c"}, {"b": "Benni"}, NOW, ZONE)
    assert verdict.state is State.FRESH
    assert [(device.name, device.state) for device in verdict.devices][:2] == [
        ("Benni", State.FRESH),
        ("Dan", State.FRESH),
    ]
    assert {device.state for device in verdict.devices[2:]} == {State.IGNORED}


def test_no_phone_at_all_is_unknown() -> None:
    """Nothing to judge is not health."""
    story = Story()
    empty = replace(story.snapshot(), phones={})
    assert judge(empty, lambda _: Limits(), frozenset(), {}, NOW, ZONE).state is State.UNKNOWN


def test_a_guests_phone_is_forgotten_once_it_is_long_gone() -> None:
    """Never paired here, attached once; while it is here it is shown as unknown."""
    story = Story(0.5)
    guest = Subjects(phone("guest")).was(kinds.TRUST, "never", 9, 9).was(kinds.CONNECTION, "usb", 9, 9)
    story.others["guest"] = guest
    assert [device.udid for device in story.verdict().devices] == [UDID]
    guest.was(kinds.TRUST, "never", 0.1)
    assert [device.state for device in story.verdict().devices] == [State.UNKNOWN, State.FRESH]


def test_the_account_is_told_as_it_is() -> None:
    """Its state, or that it could not be reached since."""
    story = Story(0.5).quota(2.0)
    assert story.verdict().account.state == "ok"
    story.account.only(kinds.ACCOUNT_STATE, "ok", 40, 1)
    story.account.blind("icloud", BlindReason.NETWORK)
    assert story.verdict().account.state == "unreachable"
    assert Story(0.5).verdict().account.state == "not-configured"


@pytest.mark.parametrize(
    ("events", "state"),
    [((), "ok"), ((outage(0.2),), "outage"), ((outage(0.2, kind="Issue"),), "issue"), ((outage(2, 1),), "ok")],
)
def test_apples_services_are_ok_troubled_or_down(events: Any, state: str) -> None:
    """Only what goes on now counts."""
    assert Story(0.5).apple(*events).verdict().services.state == state


def test_an_unread_status_page_is_unknown() -> None:
    """Not fine; and neither is one that was read two days ago."""
    assert Story(0.5).verdict().services.state == "unknown"
    old = Story(0.5)
    old.status.was(kinds.SERVICE_EVENTS, [], 9, 2).was(kinds.SERVICES_LISTED, ["iCloud Backup"], 9, 2)
    assert old.verdict().services.state == "unknown"


def test_the_document_has_the_contracts_keys() -> None:
    """Programs rely on them."""
    story = Story(9.5).quota(5.0).on_account().apple()
    document = to_json(story.verdict(), snoozed_until={UDID: ago(-1)}, daemon="running", last_poll_at=NOW)
    assert set(document) == {"schema", "generated_at", "state", "devices", "account", "services", "watcher"}
    (device,) = document["devices"]
    assert set(device) >= {
        "udid", "name", "model", "os_version", "state", "last_icloud_backup", "last_local_backup", "age_seconds",
        "seen_at", "connection", "snoozed_until", "causes", "ruled_out", "not_checked",
    }  # fmt: skip
    assert device["snoozed_until"] == "2026-11-23T14:05:00Z"
    assert set(device["causes"][0]) == {"id", "certainty", "summary", "evidence", "fix", "source"}
    assert set(document["account"]["quota"]) == {"total_bytes", "used_bytes", "available_bytes", "backup_bytes"}
    assert document["watcher"] == {"daemon": "running", "last_poll_at": "2026-11-22T14:05:00Z", "problems": []}


def test_what_was_ruled_out_says_why() -> None:
    """A person can check it."""
    story = Story().nights(kinds.ON_POWER, *[Y] * 9)
    assert story.finding("no-power") == RuledOut("no-power", ("Charging on 9 of the last 9 nights that are known",))
