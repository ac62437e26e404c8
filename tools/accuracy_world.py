"""A generated household in virtual time: what truly happens to its phones, and what a watcher would read of it.

The model of habits, stated so that one can disagree with it:

* A phone is on its charger in 93 to 99.5 % of the nights, on Wi-Fi in 99 %, left alone (locked) in 98.5 %. iOS backs
  up once a night when all three hold, 24 hours after the last time at the earliest, and not before it was unlocked.
* It is met at home a few times a day, mornings and evenings, on 97 % of the days; one in seven lies attached to a
  computer at night. Every three months there is a journey of two to fourteen days; nobody meets the phone then, and
  one night in three has no Wi-Fi. One phone in fifty is lost in a drawer for good.
* Three households in four let us read their account: quota, flags, and Find My at four moments a day. In three of
  ten households two phones share it. Our own session runs out every two months and is renewed after a few days.
* iOS updates appear every forty days and are installed late or never; phones are restarted every month or so.
* Apple has short troubles every few weeks and about one long outage a year, the same for all.
* Storage grows steadily, and somebody clears it up or pays when it is full.

What blocks backups is injected by :mod:`accuracy_causes`; the truth is that, and never what a check says.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from accuracy_causes import Cause, draw

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, RELEASES, STATUS, Subject, phone
from backupwatch.facts.snapshot import Snapshot, Span, View

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
DAY: Final = timedelta(days=1)
GB: Final = 1 << 30
ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "UTC")
KEPT: Final = timedelta(days=40)
RELEASES_EVERY: Final = 40


@dataclass(frozen=True)
class Outage:
    """Trouble at Apple, the same for every household."""

    starts: datetime
    ends: datetime
    kind: str


def outages(seed: int, days: int) -> tuple[Outage, ...]:
    """The year's troubles: a short one every few weeks, a long one."""
    rng = random.Random(f"apple {seed}")
    found = []
    for day in range(days):
        at = START + day * DAY + timedelta(hours=rng.uniform(0, 24))
        if rng.random() < 1 / 25:
            found.append(Outage(at, at + timedelta(hours=rng.uniform(1, 6)), rng.choice(("Outage", "Issue"))))
        elif rng.random() < 1 / 365:
            found.append(Outage(at, at + timedelta(days=rng.uniform(3.2, 6)), "Outage"))
    return tuple(found)


class Tracks:
    """Spans as the store would keep them."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.spans: dict[str, list[Span]] = {}
        self.frozen: dict[str, tuple[Span, ...]] = {}
        self.last: datetime | None = None

    def see(self, kind: str, value: Any, at: datetime) -> None:
        """One fact."""
        self.last = at
        spans = self.spans.setdefault(kind, [])
        self.frozen.pop(kind, None)
        if spans and kind not in kinds.EVENTS and spans[-1].value == value:
            last = spans[-1]
            if kind not in kinds.SAMPLES or at - last.last_at <= kinds.SAMPLE_GAP:
                spans[-1] = Span(value, last.first_at, at, "world")
                return
        spans.append(Span(value, at, at, "world"))
        if len(spans) > 8 and at - spans[0].last_at > KEPT:
            del spans[0 : len(spans) // 4]

    def view(self) -> View:
        """What a check sees."""
        for kind, spans in self.spans.items():
            if kind not in self.frozen:
                self.frozen[kind] = tuple(spans)
        return View(self.subject, dict(self.frozen), (), self.last)


@dataclass
class Night:
    """What truly happened in one night: the causes that each alone would have kept the backup from being made."""

    starts: datetime
    blockers: frozenset[str]
    told: frozenset[str]
    """Those of them that left a fact of this night behind."""


@dataclass
class Phone:
    """One phone's truth."""

    udid: str
    rng: random.Random
    tracks: Tracks
    charges: float
    attached: bool
    in_account: bool
    drawer_from: int
    version: int
    releases_lag: int
    last: datetime
    before: datetime = START
    boot: int = 0
    off_until: int = -1
    cause: Cause | None = None
    next_cause: float = 0.0
    journey_until: int = -1
    nights: list[Night] = field(default_factory=list)
    seen_at: datetime | None = None
    read_at: datetime | None = None
    date_gone: bool = False
    powered: bool = True
    on_wifi: bool = True

    @property
    def name(self) -> str:
        """As the phone calls itself."""
        return f"Phone {self.udid[-6:]}"

    @property
    def model(self) -> str:
        """Product type."""
        return "iPhone17,1"


class Household:
    """Phones, their account, and a watcher that reads them."""

    def __init__(self, seed: int, number: int, apple: tuple[Outage, ...], days: int) -> None:
        self.rng = random.Random(f"home {seed} {number}")
        self.zone = ZoneInfo(self.rng.choice(ZONES))
        self.days, self.apple = days, apple
        self.account = Tracks(ACCOUNT)
        self.status, self.releases = Tracks(STATUS), Tracks(RELEASES)
        self.has_account = self.rng.random() < 0.75
        self.total = self.rng.choice((5, 50, 200)) * GB
        self.used = self.total * self.rng.uniform(0.3, 0.85)
        self.growth = self.total * self.rng.uniform(0.0002, 0.0012)
        self.session_ends = self.rng.randrange(20, 75)
        self.full = False
        self.newest = 0
        self._session_over = False
        count = 2 if self.rng.random() < 0.3 else 1
        self.phones = [self._phone(f"{seed:04}{number:06}{index}") for index in range(count)]

    def _phone(self, udid: str) -> Phone:
        rng = random.Random(f"phone {udid}")
        found = Phone(
            udid=udid,
            rng=rng,
            tracks=Tracks(phone(udid)),
            charges=rng.uniform(0.93, 0.995),
            attached=rng.random() < 1 / 7,
            in_account=self.has_account,
            drawer_from=rng.randrange(30, self.days + 30) if rng.random() < 0.02 else 10**6,
            version=0,
            releases_lag=rng.choice((3, 10, 30, 200)),
            last=START - timedelta(hours=rng.uniform(2, 8)),
        )
        found.next_cause = rng.expovariate(1 / 110)
        return found

    # -- time --------------------------------------------------------------------------------------------------

    def steps(self) -> Iterator[tuple[datetime, bool]]:
        """Every moment at which the watcher looked; True where it must judge."""
        for day in range(self.days):
            midnight = datetime.combine((START + day * DAY).date(), time(), self.zone).astimezone(UTC)
            self._apple_page(midnight, day)
            for one in self.phones:
                self._life(one, day, midnight)
            for one in self.phones:
                self._night(one, day, midnight)
            self._account_grows(day)
            yield from self._looks(day, midnight)

    def snapshot(self, now: datetime) -> Snapshot:
        """Everything known at ``now``."""
        views = {one.udid: one.tracks.view() for one in self.phones if one.tracks.spans}
        return Snapshot(now, views, self.account.view(), self.status.view(), self.releases.view())

    # -- what happens ------------------------------------------------------------------------------------------

    def _life(self, one: Phone, day: int, midnight: datetime) -> None:
        rng = one.rng
        if one.cause is None and day >= one.next_cause and day > 5:
            one.cause = draw(rng, self, one, midnight)
            one.next_cause = day + 10**6 if one.cause else day + 5
        if one.cause is not None and midnight >= one.cause.ends:
            one.cause.over(self, one)
            one.cause, one.next_cause = None, day + 6 + rng.expovariate(1 / 110)
        if day > one.journey_until and rng.random() < 1 / 90:
            one.journey_until = day + rng.randrange(2, 15)
        if rng.random() < 1 / 30:
            one.boot += 1
            self._happens(one, "restart-iphone", midnight)
        self.newest = day // RELEASES_EVERY
        if one.version < self.newest and day - self.newest * RELEASES_EVERY >= one.releases_lag and rng.random() < 0.2:
            one.version, one.boot = self.newest, one.boot + 1
            self._happens(one, "update-ios", midnight)

    def _happens(self, one: Phone, remedy: str, at: datetime) -> None:
        """A restart or an update that nobody advised helps, or fails, all the same."""
        helped = {"restart-iphone": {"restart-iphone"}, "update-ios": {"update-ios", "restart-iphone"}}[remedy]
        if one.cause is not None and one.cause.stuck and one.cause.id in helped:
            one.cause.ends = at

    @property
    def session_is_good(self) -> bool:
        """Whether the account can be read."""
        return self.has_account and not self._session_over

    def will_stay_signed_in(self, now: datetime) -> bool:
        """Whether the watcher's own session would have lasted beyond the next day."""
        return self.session_is_good and self.session_ends > (now - START).days + 2

    def causes(self, one: Phone) -> list[Cause]:
        """What is wrong with this phone, and with the account that it shares."""
        return [
            other.cause for other in self.phones if other.cause is not None and (other is one or other.cause.is_shared)
        ]

    def is_away(self, one: Phone, day: int) -> bool:
        """On a journey, or in the drawer for good."""
        return day <= one.journey_until or day >= one.drawer_from

    def _night(self, one: Phone, day: int, midnight: datetime) -> None:
        """The night from the evening before ``midnight`` to the morning after it."""
        rng = one.rng
        away = self.is_away(one, day)
        dead = day >= one.drawer_from
        ids = frozenset[str]().union(*(cause.blocks() for cause in self.causes(one) if cause.started <= midnight))
        powered = (rng.random() < one.charges or one.attached) and "no-power" not in ids and not dead
        wifi = (rng.random() < (0.67 if away else 0.99)) and "no-wifi" not in ids and not dead
        alone = rng.random() < 0.985
        blockers = set(ids)
        blockers |= {"no-power"} if not powered else set()
        blockers |= {"no-wifi"} if not wifi else set()
        blockers |= {"unlocked"} if not alone else set()
        starts, ends = midnight - timedelta(hours=2), midnight + timedelta(hours=7)
        blockers |= {"apple-outage"} if self._apple_is_down(midnight) else set()
        blockers |= {"icloud-storage-full"} if self.full else set()
        one.powered, one.on_wifi = powered, wifi
        due = max(
            midnight + timedelta(minutes=rng.uniform(5, 60)), one.last + DAY + timedelta(minutes=rng.uniform(1, 20))
        )
        told: set[str] = set()
        if not blockers and due < midnight + timedelta(hours=6.5):
            one.before, one.last, one.date_gone = one.last, due, False
            one.nights.clear()
        elif one.last + DAY < ends:
            one.nights.append(Night(starts, frozenset(blockers), frozenset()))
        self._night_facts(one, midnight, away=away, dead=dead)
        if one.nights and one.nights[-1].starts == starts:
            told = self._told(one, blockers, away=away)
            one.nights[-1].told = frozenset(told)
        del one.nights[:-40]

    def _apple_is_down(self, midnight: datetime) -> bool:
        """Whether trouble took the whole of the hours in which phones charge."""
        starts, ends = midnight - timedelta(hours=1), midnight + timedelta(hours=6.5)
        return any(one.starts <= starts and one.ends >= ends and one.kind == "Outage" for one in self.apple)

    def _told(self, one: Phone, blockers: set[str], *, away: bool) -> set[str]:
        """Which of a night's blockers left a fact of that night in the store."""
        told = {"apple-outage"} & blockers
        if one.in_account and not self._session_over:
            told |= {"no-power", "low-power-mode", "icloud-storage-full"} & blockers
        if one.attached and not away:
            told |= {"no-power", "no-wifi", "metered-network"} & blockers
        return told

    # -- what is read ------------------------------------------------------------------------------------------

    def _night_facts(self, one: Phone, midnight: datetime, *, away: bool, dead: bool) -> None:
        """Find My shortly after midnight, and a phone that lies attached all night."""
        at = midnight + timedelta(minutes=40)
        if one.in_account and not self._session_over:
            self._find_my(one, at, charging=one.powered, dead=dead)
        if one.attached and not away:
            for hour in (0.7, 1.7, 2.7, 3.7, 4.7):
                moment = midnight + timedelta(hours=hour)
                self._read(one, moment)
                one.tracks.see(kinds.ON_POWER, one.powered, moment)
                one.tracks.see(kinds.WIFI_JOINED, one.on_wifi, moment)
                one.tracks.see(kinds.LOCKED, True, moment)
            if moment - one.last > timedelta(days=3) and one.cause is not None:
                one.cause.log(one.tracks, midnight + timedelta(hours=2))

    def _find_my(self, one: Phone, at: datetime, *, charging: bool, dead: bool) -> None:
        one.tracks.see(kinds.FIND_MY_STATUS, "offline" if dead else "online", at)
        if not dead:
            one.tracks.see(kinds.FIND_MY_CHARGING, charging, at)
            low = one.cause is not None and "low-power-mode" in one.cause.blocks()
            one.tracks.see(kinds.LOW_POWER_MODE, low or (not charging and one.rng.random() < 0.1), at)

    def _looks(self, day: int, midnight: datetime) -> Iterator[tuple[datetime, bool]]:
        moments: list[tuple[datetime, Phone | None]] = [
            (midnight + timedelta(hours=hour), None) for hour in (6.7, 7.5, 12.7, 18.7, 20.0)
        ]
        for one in self.phones:
            if not self.is_away(one, day) and one.rng.random() < 0.97:
                slots = one.rng.sample(range(14, 47), one.rng.randrange(2, 6))
                moments += [(midnight + timedelta(minutes=30 * slot), one) for slot in slots]
        moments.sort(key=lambda pair: pair[0])
        for at, met in moments:
            if met is None:
                hour = (at - midnight) / timedelta(hours=1)
                if hour not in {7.5, 20.0}:
                    self._poll_account(at)
                yield at, hour == 20.0
            else:
                self._read(met, at)
                yield at, at - met.last > timedelta(days=2.9)

    def _meet(self, one: Phone, at: datetime) -> None:
        tracks = one.tracks
        tracks.see(kinds.CONNECTION, "usb" if one.attached else one.rng.choice(("usb", "wifi")), at)
        lost = one.cause is not None and one.cause.id == "pairing-lost"
        tracks.see(kinds.TRUST, "lost" if lost else "trusted", at)
        one.seen_at = at
        if at.astimezone(self.zone).hour >= 7 and one.rng.random() < 0.5:
            tracks.see(kinds.ON_POWER, one.rng.random() < 0.4, at)

    def _read(self, one: Phone, at: datetime) -> None:
        self._meet(one, at)
        if one.cause is not None and one.cause.id == "pairing-lost":
            return
        one.read_at = at
        facts: dict[str, Any] = {
            kinds.NAME: one.name,
            kinds.MODEL: one.model,
            kinds.OS_VERSION: version(one.version),
            kinds.CLOUD_BACKUP_ENABLED: True,
            kinds.LAST_CLOUD_BACKUP: None if one.date_gone else rfc3339(one.last if one.last <= at else one.before),
            kinds.LAST_LOCAL_BACKUP: None,
            kinds.BACKUP_DATE_PROBLEM: None,
            kinds.CLOCK_OFFSET: 0.0,
            kinds.DISK_TOTAL: 128_000_000_000,
            kinds.DISK_AVAILABLE: 20_000_000_000,
            kinds.BOOT_SESSION: f"boot {one.boot}",
            kinds.UNLOCKED_SINCE_BOOT: True,
            kinds.FIND_MY_ON: True,
            kinds.RESTORE_STATE: "Complete",
            kinds.SUPERVISED: False,
            kinds.PROFILES: [],
        }
        if one.cause is not None:
            one.cause.show(facts, one)
        for kind, value in facts.items():
            one.tracks.see(kind, value, at)

    # -- the account and Apple ---------------------------------------------------------------------------------

    def _account_grows(self, day: int) -> None:
        if not self.full:
            self.used = min(self.total, self.used + self.growth * self.rng.uniform(0.5, 1.5))
            if self.total - self.used < 0.02 * self.total and not self.full and self.rng.random() < 0.5:
                self.used -= 0.2 * self.total  # cleared up in time
        self._session_over = self.session_ends <= day < self.session_ends + 3
        if day >= self.session_ends + 3:
            self.session_ends = day + 60

    def _poll_account(self, at: datetime) -> None:
        if not self.has_account:
            return
        account = self.account
        causes = [one.cause for one in self.phones if one.cause is not None and one.cause.started <= at]
        states = [state for cause in causes if (state := cause.account_state())]
        if self._session_over and not states:
            account.see(kinds.ACCOUNT_STATE, "sign-in-needed", at)
            return
        account.see(kinds.ACCOUNT_STATE, states[0] if states else "ok", at)
        if states and states[0] != "terms":
            return
        due = START + (self.session_ends + 0.2) * DAY
        account.see(kinds.SESSION_EXPIRES, rfc3339(due), at)
        used = self.total * 0.9995 if self.full else self.used
        quota = {
            "total_bytes": self.total,
            "used_bytes": int(used),
            "available_bytes": int(self.total - used),
            "backup_bytes": int(0.1 * self.total),
            "media": {},
        }
        account.see(kinds.QUOTA, quota, at)
        account.see(kinds.OVER_QUOTA, self.full, at)
        account.see(kinds.EMAIL_VERIFIED, not any(cause.id == "email-unverified" for cause in causes), at)
        devices = [{"name": one.name, "model": one.model, "os_version": ""} for one in self.phones]
        account.see(kinds.ACCOUNT_DEVICES, devices, at)
        for one in self.phones:
            dead = at >= START + one.drawer_from * DAY
            at_night = at.astimezone(self.zone).hour < 7
            charging = one.powered if at_night else one.rng.random() < 0.15
            self._find_my(one, at, charging=charging, dead=dead)

    def _apple_page(self, at: datetime, day: int) -> None:
        moment = at + timedelta(hours=6)
        rows = [
            {
                "service": "iCloud Backup",
                "type": one.kind,
                "status": "ongoing" if one.ends > moment else "resolved",
                "started_at": rfc3339(one.starts),
                "ended_at": rfc3339(one.ends) if one.ends <= moment else None,
            }
            for one in self.apple
            if one.starts <= moment and moment - one.ends < 7 * DAY
        ]
        self.status.see(kinds.SERVICE_EVENTS, rows, moment)
        self.status.see(kinds.SERVICES_LISTED, ["iCloud Backup", "Apple Account"], moment)
        newest = day // RELEASES_EVERY
        row = {
            "version": version(newest),
            "released_at": rfc3339(START + newest * RELEASES_EVERY * DAY),
            "own_major": {"26": version(newest)},
        }
        self.releases.see(kinds.IOS_RELEASES, {"iPhone17,1": row}, moment)


def version(number: int) -> str:
    """The so many-th iOS of the year."""
    return f"26.{number + 1}"


def true_causes(home: Household, one: Phone) -> tuple[frozenset[str], bool]:
    """What truly kept this phone from being backed up, and whether the facts of the nights suffice to see it.

    A cause is true if it alone blocked at least four of five missed nights. Nights' facts suffice if at least half
    of the missed nights, and two at least, left one. What is read from a switch is judged by the cause itself.
    """
    missed = [night for night in one.nights if night.blockers]
    if len(missed) < 2:
        return frozenset(), False
    counts = {ident: sum(ident in night.blockers for night in missed) for night in missed for ident in night.blockers}
    main = frozenset(ident for ident, number in counts.items() if number * 5 >= len(missed) * 4)
    if not main or "unlocked" in main:
        return main, False
    return main, any(_is_visible(home, one, ident, missed) for ident in main)


def _is_visible(home: Household, one: Phone, ident: str, missed: list[Night]) -> bool:
    for cause in home.causes(one):
        if ident in cause.blocks():
            return cause.is_read(home, one, missed)
    told = sum(ident in night.told for night in missed)
    return told >= 2 and told * 2 >= len(missed)
