"""Freshness: how old a backup is known to be, and never more than is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from facts_builder import NOW, ZONE, Story, ago
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.judge.finding import Freshness, State
from backupwatch.judge.freshness import freshness, missing_kind, overdue_again, unseen_too_long
from backupwatch.judge.limits import Limits

DAY = timedelta(days=1)


def judged(story: Story, **limits: Any) -> Freshness:
    return freshness(story.phone.view(), Limits(**limits), NOW, ZONE)


@pytest.mark.parametrize(
    ("age", "state"),
    [(0.5, State.FRESH), (2.9, State.FRESH), (3.1, State.STALE), (6.9, State.STALE), (7.1, State.OVERDUE)],
)
def test_the_age_of_the_last_backup_decides(age: float, state: State) -> None:
    """A phone read just now is fresh, stale or overdue by the age of its newest backup."""
    found = judged(Story(age))
    assert found.state is state
    assert found.last_backup == ago(age).replace(microsecond=0)
    assert "ago" in found.evidence[0]


def unseen(story: Story, days: float) -> Story:
    """Nobody has read the phone for so many days."""
    for kind, spans in story.phone.tracks.items():
        story.phone.tracks[kind] = [
            type(span)(span.value, min(span.first_at, ago(days)), min(span.last_at, ago(days)), "test")
            for span in spans
        ]
    return story


def test_a_phone_nobody_has_seen_since_is_not_called_stale() -> None:
    """A weekend away: the last known backup is old, but the phone may have made one meanwhile."""
    found = judged(unseen(Story(4.0), 2.0))
    assert found.state is State.UNSEEN
    assert not unseen_too_long(found, Limits(), NOW)
    assert "cannot be known" in " ".join(found.evidence)


def test_a_phone_that_was_stale_when_last_seen_stays_stale() -> None:
    """Its backup was four days old when it was read, so it is stale although it left an hour ago."""
    assert judged(unseen(Story(5.0), 1.0)).state is State.STALE


def test_a_stale_phone_out_of_sight_for_long_is_unseen() -> None:
    """After five days nobody knows any more."""
    found = judged(unseen(Story(12.0), 6.0))
    assert found.state is State.UNSEEN
    assert unseen_too_long(found, Limits(), NOW)


@pytest.mark.parametrize(
    ("met", "again"),
    [((9.3,), False), ((9.3, 0.3), False), ((1.3, 0.3), True), ((0.6, 0.3), False), ((3.5, 0.3), False)],
)
def test_overdue_on_two_days_is_more_than_one_late_reading(met: tuple[float, ...], again: bool) -> None:
    """One visit before the limit, or on the same evening, or before a journey, proves no second day."""
    story = unseen(Story(9.0), met[-1])
    story.phone.drop(kinds.CONNECTION)
    for days in met:
        story.phone.was(kinds.CONNECTION, "wifi", days, days)
    assert overdue_again(story.phone.view(), judged(story), Limits()) is again


def test_the_last_date_is_kept_when_it_vanishes() -> None:
    """Switching iCloud Backup off deletes the phone's date; the last one seen is remembered, with the moment."""
    story = Story(4.0)
    story.phone.drop(kinds.LAST_CLOUD_BACKUP)
    story.phone.was(kinds.LAST_CLOUD_BACKUP, rfc3339(ago(4)), 4, 2).was(kinds.LAST_CLOUD_BACKUP, None, 1.9)
    found = judged(story)
    assert found.state is State.STALE
    assert found.last_cloud == ago(4).replace(microsecond=0)
    assert found.vanished_at == ago(1.9)
    assert "was gone" in " ".join(found.evidence)
    assert "last backup that is known" in found.evidence[0]


def test_a_phone_without_any_date_is_never_backed_up() -> None:
    """Known for forty days, and no date at all."""
    found = judged(Story(None))
    assert found.state is State.NEVER
    assert found.last_backup is None
    assert found.gap_since == ago(40)


def test_a_new_phone_gets_time_for_its_first_backup() -> None:
    """Known since yesterday, backups on: not known to be in trouble."""
    assert judged(Story(None, watched=1.0)).state is State.UNKNOWN


def test_a_new_phone_with_backups_off_gets_no_grace() -> None:
    """Nothing will come of waiting."""
    story = Story(None, watched=1.0)
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, False, 1.0)
    assert judged(story).state is State.NEVER


@pytest.mark.parametrize("problem", ["zero", "absurd", "future", "not-a-date"])
def test_a_date_that_cannot_be_right_is_unknown(problem: str) -> None:
    """Neither fresh nor stale follows from a date in 2087."""
    story = Story(None)
    story.phone.drop(kinds.LAST_CLOUD_BACKUP).only(kinds.BACKUP_DATE_PROBLEM, problem)
    found = judged(story)
    assert found.state is State.UNKNOWN
    assert "cannot be right" in " ".join(found.evidence)


@pytest.mark.parametrize("value", ["2087-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday", 17, True, [], {}])
def test_an_absurd_value_in_place_of_a_date_is_unknown(value: Any) -> None:
    """Whatever stands there."""
    story = Story(None)
    story.phone.only(kinds.LAST_CLOUD_BACKUP, value)
    assert judged(story).state is State.UNKNOWN


def test_a_phone_that_is_seen_but_cannot_be_read_is_unknown() -> None:
    """Attached now, last read three weeks ago: not unseen, and not stale."""
    story = unseen(Story(22.0), 21.0)
    story.phone.was(kinds.CONNECTION, "usb", 0.1).was(kinds.TRUST, "lost", 0.1)
    assert judged(story).state is State.UNKNOWN


def test_a_phone_that_stopped_answering_is_not_called_unseen() -> None:
    """Attached now and not readable since yesterday: its last backup may be old or not."""
    story = unseen(Story(3.5), 1.0)
    story.phone.was(kinds.CONNECTION, "usb", 0.1).was(kinds.TRUST, "lost", 0.1)
    assert judged(story).state is State.UNKNOWN


def test_a_phone_never_read_is_unknown() -> None:
    """No facts, no verdict."""
    story = Story(1.0)
    story.phone.tracks.clear()
    assert judged(story).state is State.UNKNOWN


def with_local(cloud: float | None, local: float | None) -> Story:
    story = Story(cloud)
    date = None if local is None else rfc3339(ago(local))
    story.phone.only(kinds.LAST_LOCAL_BACKUP, date, local or 40.0)
    return story


@pytest.mark.parametrize(
    ("counts", "cloud", "local", "state"),
    [
        ("any", 9.0, 1.0, State.FRESH),
        ("icloud", 9.0, 1.0, State.OVERDUE),
        ("local", 1.0, 9.0, State.OVERDUE),
        ("both", 1.0, 4.0, State.STALE),
        ("both", 1.0, 1.0, State.FRESH),
        ("both", 1.0, None, State.NEVER),
        ("local", 1.0, None, State.NEVER),
        ("any", None, 4.0, State.STALE),
    ],
)
def test_the_setting_says_which_backups_count(counts: Any, cloud: float, local: float, state: State) -> None:
    """iCloud, computer, either or both."""
    assert judged(with_local(cloud, local), counts=counts).state is state


@pytest.mark.parametrize(
    ("counts", "cloud", "local", "kind"),
    [
        ("any", 4, 9, ""),
        ("icloud", 4, 0.5, "icloud"),
        ("icloud", 4, None, ""),
        ("local", 0.5, 4, "local"),
        ("both", 0.5, 4, "local"),
        ("both", 0.5, None, "local"),
        ("both", 4, 0.5, "icloud"),
        ("both", None, None, ""),
    ],
)
def test_the_kind_of_backup_that_is_missing_is_known(
    counts: Any, cloud: float | None, local: float | None, kind: str
) -> None:
    """A phone with last night's iCloud backup has been backed up, if not to a computer."""
    assert missing_kind(judged(with_local(cloud, local), counts=counts), Limits(counts=counts)) == kind


def test_a_complete_folder_on_this_computer_counts_and_a_broken_one_does_not() -> None:
    """Finder's folder from yesterday; an interrupted one is no backup."""
    story = Story(9.0)
    folder: dict[str, Any] = {"finished_at": rfc3339(ago(1)), "complete": False}
    story.phone.only(kinds.LOCAL_BACKUP_FOLDER, folder, 1.0)
    assert judged(story).state is State.OVERDUE
    story.phone.only(kinds.LOCAL_BACKUP_FOLDER, folder | {"complete": True}, 1.0)
    assert judged(story).state is State.FRESH


@given(
    age=st.floats(0.0, 400.0),
    seen=st.floats(0.0, 400.0),
    stale=st.floats(0.5, 30.0),
    extra=st.floats(0.1, 30.0),
    unseen_after=st.floats(0.5, 60.0),
)
def test_stale_is_only_said_when_it_was_read_to_be_so(
    age: float, seen: float, stale: float, extra: float, unseen_after: float
) -> None:
    """Whatever the ages and limits: stale and overdue are proven by a reading, fresh by the date itself."""
    story = Story(age + seen, watched=900.0)
    unseen(story, seen)
    limits = Limits(stale * DAY, (stale + extra) * DAY, unseen_after * DAY)
    found = freshness(story.phone.view(), limits, NOW, ZONE)
    slack = timedelta(seconds=2)
    if found.state in {State.STALE, State.OVERDUE}:
        assert age * DAY + slack >= limits.stale_after
        assert seen <= unseen_after
    if found.state is State.OVERDUE:
        assert age * DAY + slack >= limits.overdue_after
    if found.state is State.FRESH:
        assert (age + seen) * DAY <= limits.stale_after + slack
    if seen == 0.0:
        assert found.state is not State.UNSEEN
