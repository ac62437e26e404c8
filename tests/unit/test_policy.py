"""Whether to speak: what was told, what is true, when → what is said, as a table and as properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verdicts import DAY, HOUR, LAST, START, cause, device, verdict

from backupwatch.alerts.memory import Memory, shown
from backupwatch.alerts.policy import AlertSettings, Decision, Mark, decide
from backupwatch.alerts.quiet import speak_at
from backupwatch.alerts.wording import write
from backupwatch.judge.finding import Certainty, State
from backupwatch.judge.verdict import Verdict
from backupwatch.judge.watcher import Problem

SETTINGS = AlertSettings(UTC)


class Person:
    """Somebody who is shown every message at once, and remembers which."""

    def __init__(self, settings: AlertSettings = SETTINGS) -> None:
        self.settings = settings
        self.memories: dict[str, Memory] = {}
        self.heard: list[tuple[str, datetime]] = []
        self.titles: list[str] = []
        self.online = True

    def live(
        self,
        truth: Verdict,
        *,
        problems: tuple[Problem, ...] = (),
        snoozes: dict[str, datetime] | None = None,
    ) -> Decision:
        now = truth.generated_at
        decision = decide(self.memories, truth, problems, snoozes or {}, self.settings, now)
        for thread, memory in decision.changed.items():
            if memory is None:
                self.memories.pop(thread, None)
            else:
                self.memories[thread] = memory
        for send in decision.sends:
            if self.online and send.not_before <= now:
                self.heard.append((send.mark.value, now))
                self.titles.append(write(send, truth, UTC, now).title)
                self.memories = {
                    thread: after
                    for thread, memory in self.memories.items()
                    if (after := shown(memory, send.id, send.thread, now)) != Memory()
                }
        return decision

    @property
    def marks(self) -> list[str]:
        return [mark for mark, _ in self.heard]


def stale(at: datetime, **more: object) -> Verdict:
    return verdict(device(State.STALE, now=at, causes=(cause("no-power"),), **more), now=at)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ([(0, State.FRESH)], []),
        ([(0, State.STALE)], ["first"]),
        ([(0, State.STALE), (HOUR, State.STALE), (20 * HOUR, State.STALE)], ["first"]),
        ([(0, State.STALE), (DAY, State.STALE)], ["first", "reminder"]),
        ([(0, State.STALE), (DAY, State.OVERDUE)], ["first", "worse"]),
        ([(0, State.OVERDUE), (HOUR, State.STALE)], ["first"]),
        ([(0, State.NEVER)], ["first"]),
        ([(0, State.STALE), (HOUR, State.UNKNOWN), (2 * HOUR, State.STALE)], ["first"]),
        ([(0, State.UNSEEN), (DAY, State.UNSEEN), (6 * DAY, State.UNSEEN)], ["unseen"]),
        ([(0, State.UNSEEN), (7 * DAY, State.UNSEEN)], ["unseen", "reminder"]),
        ([(0, State.UNSEEN), (HOUR, State.FRESH)], ["unseen"]),
        ([(0, State.IGNORED)], []),
    ],
)
def test_states_over_time_lead_to_these_alerts(story: list[tuple[object, State]], said: list[str]) -> None:
    person = Person()
    for after, state in story:
        now = START + (after if isinstance(after, timedelta) else timedelta(0))
        person.live(verdict(device(state, now=now, seen=START if state is State.UNSEEN else None), now=now))
    assert person.marks == said


def test_reminders_come_less_and_less_often_and_then_every_week() -> None:
    person = Person()
    for hours in range(24 * 30):
        person.live(stale(START + hours * HOUR))
    days = [(at - START) / DAY for _, at in person.heard]
    assert days == [0, 1, 3, 7, 14, 21, 28]


def test_a_reminder_says_that_it_is_one_since_when_and_when_the_next_comes() -> None:
    person = Person()
    person.live(stale(START))
    truth = stale(START + DAY)
    (send,) = decide(person.memories, truth, (), {}, SETTINGS, START + DAY).sends
    message = write(send, truth, UTC, START + DAY)
    assert message.title == "Reminder: Phone A, no backup for 4 days"
    assert message.body.endswith("First told on Tue 10 Nov; the next reminder comes on Fri 13 Nov.")


def test_another_cause_is_told_at_once_but_one_that_blinks_is_not_told_again() -> None:
    person = Person()
    causes = [("no-power", 0), ("no-wifi", 2), ("no-power", 3), ("no-wifi", 4)]
    for ident, hours in causes:
        now = START + hours * HOUR
        person.live(verdict(device(now=now, causes=(cause(ident),)), now=now))
    assert person.marks == ["first", "cause"]


@pytest.mark.parametrize(
    "weak", [cause("no-wifi", Certainty.POSSIBLE), cause("restart-iphone", Certainty.LIKELY, last_resort=True)]
)
def test_a_mere_possibility_or_a_last_resort_waits_for_the_reminder(weak: object) -> None:
    person = Person()
    person.live(stale(START))
    person.live(verdict(device(now=START + HOUR, causes=(weak,)), now=START + HOUR))  # type: ignore[arg-type]
    assert person.marks == ["first"]


def test_recovery_is_said_once_and_then_there_is_silence() -> None:
    person = Person()
    person.live(stale(START))
    for hours in (1, 2, 30):
        now = START + hours * HOUR
        person.live(verdict(device(State.FRESH, now=now, last=START), now=now))
    assert person.marks == ["first", "recovered"]
    assert person.memories == {}


def test_recovery_is_not_said_when_the_person_wants_no_such_message_or_only_a_limit_was_changed() -> None:
    quiet = Person(AlertSettings(UTC, recovery=False))
    quiet.live(stale(START))
    quiet.live(verdict(device(State.FRESH, now=START + HOUR, last=START), now=START + HOUR))
    other = Person()
    other.live(stale(START))
    other.live(verdict(device(State.FRESH, now=START + HOUR, last=LAST), now=START + HOUR))
    assert quiet.marks == other.marks == ["first"]


def test_a_backup_that_came_and_went_while_nobody_looked_starts_a_new_story() -> None:
    person = Person()
    person.live(stale(START))
    now = START + 40 * DAY
    person.live(verdict(device(State.STALE, now=now, last=now - 4 * DAY), now=now))
    assert person.marks == ["first", "first"]


def test_quiet_hours_hold_the_message_and_drop_it_if_it_is_not_true_in_the_morning() -> None:
    person = Person(AlertSettings(UTC, quiet_hours=(time(22), time(7, 30))))
    night = datetime(2026, 11, 10, 23, tzinfo=UTC)
    held = person.live(stale(night)).sends[0]
    assert held.not_before == datetime(2026, 11, 11, 7, 30, tzinfo=UTC)
    assert person.heard == []
    morning = datetime(2026, 11, 11, 7, 31, tzinfo=UTC)
    decision = person.live(verdict(device(State.FRESH, now=morning, last=night), now=morning))
    assert decision.withdrawn == (held.id,)
    assert person.marks == []


def test_quiet_hours_hold_the_message_and_say_it_in_the_morning_if_it_is_still_true() -> None:
    person = Person(AlertSettings(UTC, quiet_hours=(time(22), time(7, 30))))
    for hour in range(11):
        person.live(stale(datetime(2026, 11, 10, 22, tzinfo=UTC) + hour * HOUR))
    assert person.heard == [("first", datetime(2026, 11, 11, 8, tzinfo=UTC))]


def test_the_same_thing_to_say_has_the_same_id_until_it_is_shown() -> None:
    person = Person()
    person.online = False
    first = person.live(stale(START)).sends[0]
    again = person.live(stale(START + 3 * HOUR)).sends[0]
    assert (first.id, first.created_at) == (again.id, again.created_at)


def test_several_phones_with_one_cause_make_one_message_and_different_causes_make_two() -> None:
    person = Person()
    phones = [device(udid=udid, causes=(cause("icloud-storage-full"),)) for udid in "ABC"]
    other = device(udid="D", causes=(cause("no-power"),))
    sends = person.live(verdict(*phones, other)).sends
    assert sorted(len(send.wants) for send in sends) == [1, 3]
    assert "3 devices: no backup for 3 days or more" in person.titles


def test_a_snoozed_phone_is_silent_and_speaks_up_when_the_snooze_ends() -> None:
    person = Person()
    person.live(stale(START), snoozes={"A": START + DAY})
    person.live(stale(START + 2 * HOUR), snoozes={"A": START + DAY})
    assert person.marks == []
    person.live(stale(START + DAY), snoozes={"A": START + DAY})
    assert person.marks == ["first"]


def test_a_snooze_keeps_what_was_told_so_that_its_end_is_a_reminder_and_not_news() -> None:
    person = Person()
    person.live(stale(START))
    person.live(stale(START + HOUR), snoozes={"A": START + 3 * DAY})
    person.live(stale(START + 3 * DAY))
    assert person.marks == ["first", "reminder"]


def test_a_warning_that_was_told_before_a_snooze_is_no_news_after_it() -> None:
    person, about = Person(), replace(cause("icloud-backup-off"), warning=True)
    person.live(verdict(device(State.FRESH, now=START, causes=(about,)), now=START))
    for days in range(1, 5):
        at = START + days * DAY
        person.live(verdict(device(State.FRESH, now=at, causes=(about,)), now=at), snoozes={"A": START + 5 * DAY})
    at = START + 5 * DAY
    person.live(verdict(device(State.FRESH, now=at, causes=(about,)), now=at))
    assert person.marks == ["warning"]


def test_an_outage_at_apple_holds_the_alert_back_until_it_matters() -> None:
    person = Person()
    outage = (cause("apple-outage"),)
    person.live(verdict(device(State.STALE, causes=outage), services="outage"))
    assert person.marks == []
    later = START + 4 * DAY
    person.live(verdict(device(State.OVERDUE, now=later, causes=outage), services="outage", now=later))
    assert person.marks == ["first"]


def test_the_days_until_apple_deletes_the_backup_are_counted_down() -> None:
    person = Person()
    last = START - 150 * DAY
    for day in range(33):
        now = START + day * DAY
        left = max(0, 30 - day)
        person.live(verdict(device(State.OVERDUE, now=now, last=last, deletion=left), now=now))
    countdown = [30 - (at - START) // DAY for mark, at in person.heard if mark == "deletion"]
    assert countdown == [14, 7, 3, 0]  # the alert at 30 days and a reminder on the day before the last name the rest
    assert person.titles[-1] == "Phone A: Apple may delete its iCloud backup any day now"


def test_the_storage_forecast_is_told_once_although_it_wavers() -> None:
    person = Person()
    for day in range(12):
        now = START + day * DAY
        full = START + 20 * DAY if day % 3 else None
        person.live(verdict(device(State.FRESH, now=now), now=now, full_at=full if day > 6 else None))
    assert person.marks == ["forecast"]


def test_the_account_is_told_once_per_state_and_an_outage_is_not_its_state() -> None:
    person = Person()
    for hours, state in enumerate(["ok", "sign-in-needed", "unreachable", "sign-in-needed", "locked", "ok"]):
        now = START + hours * HOUR
        person.live(verdict(device(State.FRESH, now=now), now=now, account=state))
    assert person.titles == ["Sign in to iCloud again", "Your Apple Account is locked"]


def test_a_blind_watcher_is_told_once_after_a_while_and_a_flapping_one_not_again() -> None:
    person = Person()
    for hours in range(30):
        now = START + hours * HOUR
        problem = Problem("no-usbmuxd", "usbmuxd is not running.", "Start it.", START, HOUR)
        person.live(verdict(now=now), problems=(problem,) if hours % 3 else ())
    assert person.marks == ["watcher"]


def test_a_clock_that_was_set_back_does_not_silence_the_reminders() -> None:
    person = Person()
    person.live(stale(START + 300 * DAY))
    for day in range(3):
        person.live(stale(START + day * DAY))
    assert person.marks[:2] == ["first", "reminder"]


@pytest.mark.parametrize(
    ("local", "until"),
    [
        ("2026-11-10T21:59", "2026-11-10T21:59"),
        ("2026-11-10T22:00", "2026-11-11T07:30"),
        ("2026-11-11T03:00", "2026-11-11T07:30"),
        ("2026-11-11T07:30", "2026-11-11T07:30"),
        ("2026-03-28T23:00", "2026-03-29T07:30"),  # the night in which clocks are set forward
        ("2026-10-25T02:30", "2026-10-25T07:30"),  # and back
    ],
)
def test_quiet_hours_end_at_the_persons_own_half_past_seven(local: str, until: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    now = datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)
    end = speak_at(now, (time(22), time(7, 30)), zone).astimezone(zone)
    assert end.strftime("%Y-%m-%dT%H:%M") == until


def test_quiet_hours_that_end_in_the_hour_that_is_left_out_end_after_it() -> None:
    """Clocks go from 02:00 to 03:00; the end at 02:30 is half past three."""
    zone = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 3, 29, 0, 45, tzinfo=UTC)
    assert speak_at(now, (time(22), time(2, 30)), zone).astimezone(zone).strftime("%H:%M") == "03:30"


def test_the_first_notice_of_a_deletion_is_not_counted_as_told_before_it_was_due() -> None:
    """The phone's own alert named no days when it came on day 149."""
    person = Person(AlertSettings(UTC, remind_after=(90 * DAY,)))
    last = START - 149.6 * DAY
    person.live(verdict(device(State.OVERDUE, last=last)))
    for hours in (12, 30):
        now = START + timedelta(hours=hours)
        person.live(verdict(device(State.OVERDUE, last=last, now=now, deletion=29), now=now))
    assert person.marks == ["first", "deletion"]


STATES = st.sampled_from([State.FRESH, State.STALE, State.OVERDUE, State.UNSEEN, State.UNKNOWN])
CAUSES = st.sampled_from([(), (cause("no-power"),), (cause("no-wifi", Certainty.LIKELY),)])


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(1, 40), STATES, CAUSES, st.booleans()), min_size=1, max_size=60),
    st.sampled_from([None, (time(22), time(7, 30)), (time(9), time(17))]),
)
def test_no_two_equal_messages_within_a_pause_and_every_stale_phone_was_told(
    steps: list[tuple[int, State, tuple[object, ...], bool]], quiet: tuple[time, time] | None
) -> None:
    person = Person(AlertSettings(UTC, quiet_hours=quiet))
    now, last = START, LAST
    for hours, state, causes, online in steps:
        now += hours * HOUR
        person.online = online
        last = now if state is State.FRESH else last
        truth = verdict(device(state, now=now, last=last, causes=causes), now=now)  # type: ignore[arg-type]
        before = len(person.heard)
        person.live(truth)
        assert len(person.heard) - before <= 1
        speaking = online and speak_at(now, quiet, UTC) == now
        if state in {State.STALE, State.OVERDUE} and speaking:
            told = person.memories["phone:A"].told
            assert told is not None
            assert told.state == state.value or told.state == "overdue"
    for (mark, at), (mark_after, after) in zip(person.heard, person.heard[1:], strict=False):
        if mark == mark_after == "reminder":
            assert after - at >= DAY
    for first, second in zip(person.heard, person.heard[1:], strict=False):
        assert not (first[0] == second[0] == "recovered")


@given(STATES, CAUSES)
def test_deciding_twice_on_the_same_truth_changes_nothing(state: State, causes: tuple[object, ...]) -> None:
    truth = verdict(device(state, causes=causes))  # type: ignore[arg-type]
    person = Person()
    person.online = False
    person.live(truth)
    again = decide(person.memories, truth, (), {}, SETTINGS, START)
    assert not again.changed
    assert not again.withdrawn


def test_a_phone_that_only_a_computer_backs_up_is_not_sent_to_icloud() -> None:
    """The first step fits the backups that count."""
    truth = verdict(replace(device(), missing="local"))
    (send,) = decide({}, truth, (), {}, SETTINGS, START).sends
    body = write(send, truth, UTC, START).body
    assert "connect it to your computer" in body
    assert "iCloud" not in body


@pytest.mark.parametrize(
    ("state", "missing", "title"),
    [
        (State.STALE, "", "Phone A: no backup for 3 days"),
        (State.STALE, "local", "Phone A: no computer backup for 3 days"),
        (State.STALE, "icloud", "Phone A: no iCloud backup for 3 days"),
        (State.NEVER, "local", "Phone A has never been backed up to a computer"),
        (State.NEVER, "icloud", "Phone A has never been backed up to iCloud"),
    ],
)
def test_the_title_names_the_kind_of_backup_that_is_missing(state: State, missing: str, title: str) -> None:
    """A phone that iCloud backed up last night has been backed up."""
    truth = verdict(replace(device(state, last=None if state is State.NEVER else LAST), missing=missing))
    (send,) = decide({}, truth, (), {}, SETTINGS, START).sends
    assert write(send, truth, UTC, START).title == title


@pytest.mark.parametrize(("days", "words"), [(9, "in 9 days."), (1, "in 1 day."), (0, "any day now.")])
def test_the_days_until_apple_may_delete_the_backup_are_counted_in_words(days: int, words: str) -> None:
    truth = verdict(device(State.OVERDUE, deletion=days))
    (send,) = decide({}, truth, (), {}, SETTINGS, START).sends
    assert write(send, truth, UTC, START).body.endswith(f"Apple may delete the old backup {words}")


def test_two_phones_that_were_never_backed_up_are_reminded_of_without_an_age() -> None:
    truth = verdict(*(device(State.NEVER, udid=udid, last=None, causes=(cause("no-power"),)) for udid in "AB"))
    person = Person()
    person.live(truth)
    person.live(replace(truth, generated_at=START + 2 * DAY))
    assert person.titles[-1] == "Reminder: 2 devices are not being backed up"


@pytest.mark.parametrize(
    ("away", "words"),
    [(6, "judged. Bring it near"), (17, "It forgets this computer on Wed 23 Dec"), (31, "has probably forgotten this")],
)
def test_a_phone_that_stays_away_is_said_to_forget_this_computer(away: int, words: str) -> None:
    """Thirty days after they last met."""
    seen = datetime(2026, 11, 23, 12, tzinfo=UTC)
    now = seen + away * DAY
    truth = verdict(device(State.UNSEEN, seen=seen, now=now), now=now)
    (send,) = decide({}, truth, (), {}, SETTINGS, now).sends
    body = write(send, truth, UTC, now).body
    assert words in body
    assert ("forg" in body) == (away > 6)


def test_what_the_account_hints_at_is_told_as_a_hint() -> None:
    """Its backups grew while the phone was away; whose, nobody knows."""
    truth = verdict(replace(device(State.UNSEEN), others_backed_up_at=START - DAY))
    (send,) = decide({}, truth, (), {}, SETTINGS, START).sends
    assert "was backed up on Mon 9 Nov; whether it was this one is not known." in write(send, truth, UTC, START).body


@pytest.mark.parametrize(
    ("called", "path"),
    [
        ("Anna's iPhone", "Settings > Anna > iCloud"),
        ("James’ iPhone 15", "Settings > James > iCloud"),
        ("iPhone von Anna", "Settings > Anna > iCloud"),
        ("iPhone", "Settings > [your name] > iCloud"),
        ("Work", "Settings > [your name] > iCloud"),
    ],
)
def test_the_path_in_settings_has_the_persons_own_name_where_the_phone_is_named_after_them(
    called: str, path: str
) -> None:
    truth = verdict(replace(device(), name=called))
    (send,) = decide({}, truth, (), {}, SETTINGS, START).sends
    assert path in write(send, truth, UTC, START).body


def at_night_only(days: float, *, again: bool = True) -> Verdict:
    """A phone that has been overdue for some time, and was last read in the quiet hours."""
    now = START + days * DAY
    return verdict(replace(device(State.OVERDUE, now=now), is_current=False, overdue_again=again), now=now)


def test_a_phone_that_is_at_home_only_in_the_quiet_hours_is_still_told_that_it_became_overdue() -> None:
    """Its reading is some hours old whenever somebody may be told."""
    person = Person()
    person.live(stale(START))
    person.live(verdict(replace(device(now=START + 4 * DAY), is_current=False), now=START + 4 * DAY))
    for days in (5.0, 5.1, 9.0):
        person.live(at_night_only(days))
    assert person.marks == ["first", "worse"]  # a reminder waits for a reading by day


def test_one_late_reading_is_no_alarm() -> None:
    """The phone came home from a journey in the evening and may have been backed up in the night."""
    person = Person()
    person.live(at_night_only(0.0, again=False))
    assert person.marks == []
    person.live(at_night_only(1.0))
    assert person.marks == ["first"]


def test_a_mark_is_never_unknown_to_the_wording() -> None:
    """Every mark has its words: the match in the wording is complete."""
    assert {mark.value for mark in Mark} == {
        "first", "worse", "cause", "reminder", "recovered", "unseen", "warning", "deletion", "forecast", "account",
        "watcher",
    }  # fmt: skip
