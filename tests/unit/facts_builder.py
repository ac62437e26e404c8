"""Facts for tests of judging: a household told in days before now, and the case or verdict that follows.

``Story()`` is one healthy iPhone that was last backed up two nights before now minus nothing in particular; tests
say only what differs. Everything is built as spans, the way the store hands them to the judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, HOST, RELEASES, STATUS, Blind, BlindReason, Subject, phone
from backupwatch.facts.snapshot import Snapshot, Span, View
from backupwatch.judge.diagnosis import Diagnosis, diagnose
from backupwatch.judge.finding import Blamed, Case, Finding
from backupwatch.judge.freshness import freshness
from backupwatch.judge.limits import Limits
from backupwatch.judge.verdict import Verdict, judge

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
UDID = "00008140-001C2D3E4F50001C"
MODEL = "iPhone17,1"
GB = 1 << 30


def ago(days: float) -> datetime:
    """So many days before now."""
    return NOW - timedelta(days=days)


class Subjects:
    """The tracks of one subject, filled in any order."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.tracks: dict[str, list[Span]] = {}
        self.blinds: list[Blind] = []

    def was(self, kind: str, value: Any, since: float, until: float = 0.0) -> Subjects:
        """``value`` was seen from ``since`` to ``until`` days ago, after what was said of the kind before."""
        self.tracks.setdefault(kind, []).append(Span(value, ago(since), ago(until), "test"))
        return self

    def only(self, kind: str, value: Any, since: float = 40.0, until: float = 0.0) -> Subjects:
        """Like :meth:`was`, forgetting what was said of the kind before."""
        self.tracks.pop(kind, None)
        return self.was(kind, value, since, until)

    def drop(self, *unwanted: str) -> Subjects:
        """Forget kinds."""
        for kind in unwanted:
            self.tracks.pop(kind, None)
        return self

    def at(self, kind: str, value: Any, moment: datetime) -> Subjects:
        """One sample or event."""
        self.tracks.setdefault(kind, []).append(Span(value, moment, moment, "test"))
        return self

    def blind(self, look: str, reason: BlindReason, days_ago: float = 0.0) -> Subjects:
        """A look that saw nothing."""
        self.blinds.append(Blind(self.subject, look, reason, "It could not be looked at", ago(days_ago)))
        return self

    def view(self) -> View:
        """As the store gives it."""
        tracks = {
            kind: tuple(sorted(spans, key=lambda span: (span.first_at, span.last_at)))
            for kind, spans in self.tracks.items()
        }
        seen = max((span.last_at for spans in tracks.values() for span in spans), default=None)
        return View(self.subject, tracks, tuple(self.blinds), seen)


class Story:
    """One household; ``backup`` is the age in days of the phone's last iCloud backup, None for no date at all."""

    def __init__(self, backup: float | None = 9.5, *, watched: float = 40.0) -> None:
        self.phone = Subjects(phone(UDID))
        self.account, self.status = Subjects(ACCOUNT), Subjects(STATUS)
        self.releases, self.host = Subjects(RELEASES), Subjects(HOST)
        self.others: dict[str, Subjects] = {}
        self.limits = Limits()
        self.watched = watched
        steady: Mapping[str, Any] = {
            kinds.NAME: "Anna's iPhone",
            kinds.MODEL: MODEL,
            kinds.OS_VERSION: "26.1",
            kinds.CLOUD_BACKUP_ENABLED: True,
            kinds.LAST_LOCAL_BACKUP: None,
            kinds.BACKUP_DATE_PROBLEM: None,
            kinds.LOCAL_DATE_PROBLEM: None,
            kinds.CLOCK_OFFSET: 0.0,
        }
        for kind, value in steady.items():
            self.phone.was(kind, value, watched)
        self.backed_up(backup)
        self.phone.was(kinds.CONNECTION, "usb", 0.1).was(kinds.TRUST, "trusted", 0.1)

    def backed_up(self, days: float | None) -> Story:
        """The phone's present word on its last iCloud backup."""
        date = None if days is None else rfc3339(ago(days))
        self.phone.only(kinds.LAST_CLOUD_BACKUP, date, min(self.watched, days if days is not None else self.watched))
        return self

    def nights(self, kind: str, *answers: Any, hour: float = 2.0) -> Story:
        """One sample in each of the last nights, oldest first, the last of them this morning; None for none."""
        today = NOW.astimezone(ZONE).date()
        for back, answer in enumerate(reversed(answers)):
            if answer is not None:
                moment = datetime.combine(today - timedelta(days=back), time(), ZONE) + timedelta(hours=hour)
                self.phone.at(kind, answer, moment.astimezone(UTC))
        return self

    def log(self, days: float, what: str, code: int | None = None, **fields: bool) -> Story:
        """A line that the phone's log said so many days ago."""
        event: dict[str, Any] = {"at": rfc3339(ago(days)), "what": what, "text": "…"}
        if code is not None:
            event["code"] = code
        if fields:
            event["fields"] = fields
        self.phone.at(kinds.LOG, event, ago(days))
        return self

    def last_night(self, days_before: int = 0) -> float:
        """How many days ago it was 02:00 in the last night, or in the night so many days before it."""
        local = datetime.combine(NOW.astimezone(ZONE).date() - timedelta(days=days_before), time(2), ZONE)
        return (NOW - local.astimezone(UTC)) / timedelta(days=1)

    def quota(self, used: float, total: float = 5.0, backup: float | None = 1.2, *, since: float = 40.0) -> Story:
        """The account's storage in GB."""
        self.account.only(kinds.QUOTA, quota(used, total, backup), since)
        self.account.only(kinds.ACCOUNT_STATE, "ok", since)
        return self

    def on_account(self) -> Story:
        """The account lists this phone."""
        self.account.only(kinds.ACCOUNT_DEVICES, [{"name": "Anna's iPhone", "model": MODEL, "os_version": "26.1"}])
        return self

    def apple(self, *events: Mapping[str, Any], listed: tuple[str, ...] = ("iCloud Backup",)) -> Story:
        """Apple's status page, read just now."""
        self.status.only(kinds.SERVICE_EVENTS, list(events)).only(kinds.SERVICES_LISTED, list(listed))
        return self

    def out(self, newest: str, days: float = 41.0, **own_major: str) -> Story:
        """The newest iOS for this model, and since when."""
        lines = {key.removeprefix("v"): value for key, value in own_major.items()} or {newest.partition(".")[0]: newest}
        row = {"version": newest, "released_at": rfc3339(ago(days)), "own_major": lines}
        self.releases.only(kinds.IOS_RELEASES, {MODEL: row})
        return self

    def snapshot(self) -> Snapshot:
        """Everything known now."""
        phones = {UDID: self.phone.view()} | {udid: other.view() for udid, other in self.others.items()}
        views = (self.account.view(), self.status.view(), self.releases.view(), self.host.view())
        return Snapshot(NOW, phones, *views)

    def case(self) -> Case:
        """The case of the phone."""
        snapshot = self.snapshot()
        view = snapshot.phones[UDID]
        found = freshness(view, self.limits, NOW, ZONE)
        return Case(snapshot, view, found, self.limits, NOW, ZONE, "Anna's iPhone")

    def diagnosis(self) -> Diagnosis:
        """What the checks say."""
        return diagnose(self.case())

    def finding(self, ident: str) -> Finding:
        """What one cause's check says of it, wherever the diagnosis put it."""
        found = self.diagnosis()
        assert not found.faults, found.faults
        (answer,) = [each for each in (*found.causes, *found.ruled_out, *found.not_checked) if each.id == ident]
        return answer

    def blamed(self, ident: str) -> Blamed:
        """The same, which must be blamed."""
        answer = self.finding(ident)
        assert isinstance(answer, Blamed), answer
        return answer

    def verdict(self) -> Verdict:
        """The whole verdict."""
        return judge(self.snapshot(), lambda _: self.limits, frozenset(), {}, NOW, ZONE)


def quota(used: float, total: float = 5.0, backup: float | None = 1.2) -> dict[str, Any]:
    """A quota's value, from GB."""
    return {
        "total_bytes": int(total * GB),
        "used_bytes": int(used * GB),
        "available_bytes": int((total - used) * GB),
        "backup_bytes": None if backup is None else int(backup * GB),
        "media": {},
    }


def outage(since: float, until: float | None = None, kind: str = "Outage", service: str = "iCloud Backup") -> Any:
    """An event on Apple's page, in days before now."""
    return {
        "service": service,
        "type": kind,
        "status": "ongoing" if until is None else "resolved",
        "started_at": rfc3339(ago(since)),
        "ended_at": None if until is None else rfc3339(ago(until)),
    }
