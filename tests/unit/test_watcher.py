"""Is the watcher itself blind, and is it said once and in one place?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, HOST, Blind, BlindReason, phone
from backupwatch.facts.snapshot import Snapshot, Span, View
from backupwatch.judge.watcher import SourceHealth, watch

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
DAY, LIMIT = timedelta(days=1), timedelta(days=3)
PHONE = View(phone("A"), {kinds.LAST_CLOUD_BACKUP: (Span("2026-11-20T02:00:00Z", NOW, NOW, "iphone"),)})
ANSWERS = View(HOST, {kinds.USBMUXD: (Span("ok", NOW - DAY, NOW, "iphone"),)})

NOBODY = View(ACCOUNT)


def ids(snapshot: Snapshot, **blind_for: timedelta) -> list[str]:
    health = [SourceHealth(name.replace("_", "-"), NOW - age) for name, age in blind_for.items()]
    return [problem.id for problem in watch(snapshot, health, LIMIT, "linux", NOW)]


def snapshot(host: View = ANSWERS, account: View = NOBODY, phones: bool = True) -> Snapshot:
    return Snapshot(NOW, {"A": PHONE} if phones else {}, account, host=host)


def test_a_source_that_sees_is_no_problem_and_one_that_was_blind_too_long_is() -> None:
    assert ids(snapshot()) == []
    assert ids(snapshot(), icloud=2 * DAY) == []
    assert ids(snapshot(), icloud=3 * DAY) == ["blind-icloud"]
    assert ids(snapshot(), local_backups=9 * DAY) == ["blind-local-backups"]


def test_nobody_is_disturbed_about_pages_without_which_every_phone_is_still_judged() -> None:
    assert ids(snapshot(), apple_status=9 * DAY, ios_releases=90 * DAY) == []


def test_without_usbmuxd_that_is_said_and_not_again_that_no_phone_was_seen() -> None:
    gone = View(HOST, {}, (Blind(HOST, "iphone", BlindReason.NO_USBMUXD, "not there", NOW, since=NOW - 9 * DAY),))
    assert ids(snapshot(gone), iphone=9 * DAY) == ["no-usbmuxd"]


def test_without_usbmuxd_a_blind_account_is_said_all_the_same() -> None:
    gone = View(HOST, {}, (Blind(HOST, "iphone", BlindReason.NO_USBMUXD, "not there", NOW, since=NOW - 9 * DAY),))
    assert ids(snapshot(gone), iphone=9 * DAY, icloud=9 * DAY) == ["no-usbmuxd", "blind-icloud"]


@pytest.mark.parametrize(("reason", "state"), [(BlindReason.SIGN_IN, "ok"), (BlindReason.REFUSED, "locked")])
def test_that_a_person_must_sign_in_is_said_about_the_account_and_not_twice(reason: BlindReason, state: str) -> None:
    states = {kinds.ACCOUNT_STATE: (Span(state, NOW, NOW, "icloud"),)}
    account = View(ACCOUNT, states, (Blind(ACCOUNT, "icloud", reason, "Sign in", NOW, since=NOW - 9 * DAY),))
    assert ids(snapshot(account=account), icloud=9 * DAY) == []


@pytest.mark.parametrize("state", [None, "ok"])
def test_a_refusal_that_no_state_of_the_account_tells_is_said_at_once(state: str | None) -> None:
    """The account belongs to China mainland and the configuration says otherwise: nothing is asked any more."""
    states = {kinds.ACCOUNT_STATE: (Span(state, NOW - DAY, NOW - DAY, "icloud"),)} if state else {}
    blind = Blind(ACCOUNT, "icloud", BlindReason.REFUSED, "Apple says that it is China's", NOW, since=NOW)
    (problem,) = watch(snapshot(account=View(ACCOUNT, states, (blind,))), (), LIMIT, "linux", NOW)
    assert problem.id == "account-refused"
    assert problem.sentence.startswith("Apple says that it is China's, so")


def test_a_usbmuxd_that_rests_because_no_cable_is_in_is_no_problem() -> None:
    """On Linux udev starts it with the first phone and ends it with the last; each phone that stays away is told."""
    blind = Blind(HOST, "iphone", BlindReason.NO_USBMUXD, "not there", NOW, since=NOW - 9 * DAY)
    rests = View(HOST, {kinds.USBMUXD: (Span("ok", NOW - 20 * DAY, NOW - 9 * DAY, "iphone"),)}, (blind,))
    assert ids(snapshot(rests), iphone=9 * DAY) == []
    problems = watch(snapshot(rests), (), LIMIT, "darwin", NOW)
    assert [problem.id for problem in problems] == ["no-usbmuxd"]


def test_a_usbmuxd_that_is_closed_to_this_user_is_said() -> None:
    closed = View(HOST, {}, (Blind(HOST, "iphone", BlindReason.PERMISSION, "closed", NOW, since=NOW - DAY),))
    (problem,) = watch(snapshot(closed, phones=False), (), LIMIT, "linux", NOW)
    assert "closed to this user" in problem.sentence
    assert "backupwatch doctor" in problem.fix


@pytest.mark.parametrize("trust", ["trusted", "lost"])
def test_a_phone_that_was_paired_once_is_not_called_never_paired(trust: str) -> None:
    tracks = {kinds.TRUST: (Span(trust, NOW, NOW, "iphone"),)}
    known = Snapshot(NOW, {"A": View(phone("A"), tracks)}, host=ANSWERS)
    assert watch(known, (), LIMIT, "linux", NOW) == ()


def test_a_computer_without_a_paired_phone_watches_nothing_and_says_so() -> None:
    assert ids(snapshot(phones=False)) == ["no-phone"]


@pytest.mark.parametrize(("left", "said"), [(8 * DAY, False), (6 * DAY, True), (-DAY, False)])
def test_a_sign_in_that_will_end_is_said_a_week_ahead(left: timedelta, said: bool) -> None:
    expires = (NOW + left).isoformat()
    account = View(ACCOUNT, {kinds.SESSION_EXPIRES: (Span(expires, NOW, NOW, "icloud"),)})
    assert ("session-expires" in ids(snapshot(account=account))) is said
