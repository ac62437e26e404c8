"""What every check promises, whatever the facts."""

from __future__ import annotations

import string
from datetime import datetime, timedelta
from typing import Any

import pytest
from facts_builder import MODEL, NOW, UDID, ZONE, Story, ago, outage, quota
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backupwatch.checks import MISSING, load
from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, RELEASES, STATUS, phone
from backupwatch.facts.snapshot import Snapshot, Span, View
from backupwatch.judge.diagnosis import diagnose
from backupwatch.judge.finding import Blamed, Case, NotChecked, RuledOut
from backupwatch.judge.freshness import freshness
from backupwatch.judge.limits import Limits
from backupwatch.judge.verdict import judge
from backupwatch.judge.verdict_json import to_json
from backupwatch.wording import catalogue

CONTRACT = {
    "icloud-backup-off", "no-wifi", "no-power", "icloud-storage-full", "apple-outage", "sign-in-needed",
    "restart-iphone", "reset-settings", "update-ios", "managed-policy", "clock-wrong", "iphone-storage-full",
    "locked-since-restart", "restore-in-progress", "low-power-mode", "email-unverified", "metered-network",
    "pairing-lost",
}  # fmt: skip
"""The causes that people and scripts may rely on."""


def test_there_is_one_check_for_every_cause() -> None:
    """No cause without a check, no check without a cause."""
    assert {check.id for check in load()} == CONTRACT
    assert all(check.applies >= MISSING for check in load())


def test_every_sentence_can_be_filled_and_is_one_sentence_for_a_person() -> None:
    """No place without a name, no jargon of ours, no trailing full stop, so that all read alike."""
    sentences = catalogue()
    assert len(sentences) > 200
    for key, sentence in sentences.items():
        if key.partition(".")[0] not in {*CONTRACT, "freshness", "diagnosis", "verdict"}:
            continue
        names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None]
        assert all(name.isidentifier() for name in names), key
        assert not sentence.endswith("."), key
        assert "  " not in sentence, key
        assert not any(word in sentence.lower() for word in ("udid", "lockdown", "usbmuxd", "plist")), key


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**13),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(
        ["", "26.1", "26.3", "ok", "locked", "terms", "sign-in-needed", "lost", "trusted", "never", "usb", "wifi",
         "future", "zero", "Restoring", "Complete", "iPad14,1", MODEL, "\x1b[31m\u202eevil\n" * 40, "off-condition"]
    ),
    st.floats(-3, 500).map(lambda days: rfc3339(ago(days))),
    st.sampled_from([quota(4.99), quota(1.0), quota(0, 0), quota(9, 5, 400), {"total_bytes": 1}, {"version": 3}]),
    st.sampled_from([{MODEL: {"version": "26.3"}}, {MODEL: {"version": "26.1", "own_major": []}}, {MODEL: 3}]),
    st.lists(st.sampled_from([outage(5), outage(5, 2), outage(-1), outage(2, 5), {"service": 3}, "x", None, []])),
    st.lists(st.sampled_from(["iCloud Backup", 7, None, {"name": "Anna's iPhone", "model": MODEL}])),
    st.builds(
        lambda what, code, at, fields: {"what": what, "code": code, "at": at, "fields": fields},
        st.sampled_from(["failure", "cancelled", "completed", "on-condition", "off-condition", "network", "account",
                         "policy", "restoring", "started", "missing-keys", None, 3, []]),
        st.sampled_from([303, 305, 308, 22, 209, 218, 219, 19, 203, 106, 300, 304, True, "303", None, -1]),
        st.floats(-2, 60).map(lambda days: rfc3339(ago(days))),
        st.sampled_from([None, [], {"onPower": False}, {"onPower": 1, "onWiFi": True, "locked": False},
                         {"emailVerified": False}, {"constrained": True, "available": True}]),
    ),
)  # fmt: skip
PHONE_KINDS = sorted(value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str))


@st.composite
def spans(draw: st.DrawFn) -> tuple[Span, ...]:
    found = []
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.floats(-1, 400))
        value: Any = draw(VALUES)
        found.append(Span(value, ago(first), ago(first) + timedelta(days=draw(st.floats(0, 30))), "test"))
    return tuple(sorted(found, key=lambda span: span.first_at))


def views(subject: Any, wanted: list[str]) -> st.SearchStrategy[View]:
    return st.dictionaries(st.sampled_from(wanted), spans(), max_size=20).map(
        lambda tracks: View(subject, tracks, (), NOW)
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Anything that a store could ever hold, and more."""
    account = [
        kinds.QUOTA, kinds.ACCOUNT_STATE, kinds.OVER_QUOTA, kinds.EMAIL_VERIFIED, kinds.MANAGED_ACCOUNT,
        kinds.ACCOUNT_DEVICES, kinds.SIGNED_IN_AT,
    ]  # fmt: skip
    return Snapshot(
        NOW,
        {UDID: draw(views(phone(UDID), PHONE_KINDS)), "b": draw(views(phone("b"), [kinds.CLOCK_OFFSET, kinds.NAME]))},
        draw(views(ACCOUNT, account)),
        draw(views(STATUS, [kinds.SERVICE_EVENTS, kinds.SERVICES_LISTED])),
        draw(views(RELEASES, [kinds.IOS_RELEASES])),
    )


BOUNDED = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@BOUNDED
@given(snapshot=snapshots(), backup=st.one_of(st.none(), st.floats(0, 400)))
def test_arbitrary_facts_never_break_a_check(snapshot: Snapshot, backup: float | None) -> None:
    """One of three answers, each with its reason, the same twice, and every cause exactly once."""
    dated = dict(snapshot.phones[UDID].tracks)
    if backup is not None:
        dated[kinds.LAST_CLOUD_BACKUP] = (Span(rfc3339(ago(backup)), ago(backup), NOW, "test"),)
    view = View(phone(UDID), dated, (), NOW)
    limits = Limits()
    case = Case(snapshot, view, freshness(view, limits, NOW, ZONE), limits, NOW, ZONE, "Anna's iPhone")
    for check in load():
        answer = check.check(case)
        assert answer == check.check(case)
        assert answer.id == check.id
        if isinstance(answer, Blamed):
            assert answer.summary
            assert answer.evidence
            assert all(answer.evidence)
            assert answer.fix
            assert 0.0 <= answer.explains <= 1.0
            assert answer.source.startswith("https://")
        elif isinstance(answer, RuledOut):
            assert answer.evidence
        else:
            assert isinstance(answer, NotChecked)
            assert answer.reason
    found = diagnose(case)
    assert not found.faults
    told = [each.id for each in (*found.causes, *found.ruled_out, *found.not_checked)]
    assert len(told) == len(set(told))
    if case.freshness.state in MISSING:
        assert set(told) == CONTRACT


@BOUNDED
@given(snapshot=snapshots())
def test_nothing_foreign_leaves_the_verdict_unsafe(snapshot: Snapshot) -> None:
    """Escape codes, line breaks and reordering marks of a phone's name or an organisation stay behind."""
    verdict = judge(snapshot, lambda _: Limits(), frozenset(), {}, NOW, ZONE)
    document = str(to_json(verdict))
    assert not any(sign in document for sign in ("\x1b", "\u202e", "\\x1b", "\\u202e", "\\n"))


@pytest.mark.parametrize("ident", sorted(CONTRACT))
def test_no_facts_no_confident_sentence(ident: str) -> None:
    """A phone of which only the date of its last backup is known: nothing is blamed, nothing is ruled out."""
    story = Story(9.5)
    keep = story.phone.tracks[kinds.LAST_CLOUD_BACKUP]
    story.phone.tracks.clear()
    story.phone.tracks[kinds.LAST_CLOUD_BACKUP] = keep
    assert isinstance(story.finding(ident), NotChecked)


def test_old_facts_are_no_present_ones() -> None:
    """Everything but the date was read a month before the last look."""
    story = Story(9.5)
    for kind in list(story.phone.tracks):
        if kind != kinds.LAST_CLOUD_BACKUP:
            story.phone.only(kind, story.phone.tracks[kind][-1].value, 60, 30)
    story.phone.only(kinds.CLOUD_BACKUP_ENABLED, False, 60, 30).only(kinds.CLOCK_OFFSET, 9e4, 60, 30)
    story.phone.only(kinds.DISK_AVAILABLE, 0, 60, 30).only(kinds.UNLOCKED_SINCE_BOOT, False, 60, 30)
    story.quota(5.0)
    story.account.only(kinds.QUOTA, quota(5.0), 60, 30).only(kinds.EMAIL_VERIFIED, False, 60, 30)
    assert story.diagnosis().causes == ()


def test_the_moment_of_judging_is_the_only_clock() -> None:
    """The same facts a year later are out of sight, not overdue."""
    story = Story(9.5)
    later: datetime = NOW + timedelta(days=365)
    verdict = judge(story.snapshot(), lambda _: Limits(), frozenset(), {}, later, ZONE)
    assert verdict.state == "unseen"
