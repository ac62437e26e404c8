"""A store that has watched for years: written row by row in the store's own form, since looking takes years.

Phones are mostly healthy, each with a few droughts of its own; the storage fills and is enlarged. The same seed
gives the same store.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backupwatch.alerts.message import Message
from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, HOST, STATUS, Subject, phone
from backupwatch.store import Entry, Store, open_store

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
GB = 1 << 30
NAMES = ("Anna's iPhone", "Ben's iPhone", "Mia's iPhone", "Family iPad", "Grandma", "Work phone")
DAY = timedelta(days=1)


def udid(number: int) -> str:
    return f"00008140-{number:016X}"


def years(
    path: Path, *, phones: int, days: int, now: datetime = NOW, seed: int = 1, batteries: bool = True, alerts: int = 60
) -> Store:
    """Fill a new store with so many phones and days up to ``now``.

    :param batteries: also the half-hourly samples of the last 800 days, which the store keeps that long.
    """
    dice = random.Random(seed)
    store = open_store(path, now, thorough=False)
    with store._writing() as db:

        def number(subject: Subject) -> int:
            db.execute("INSERT OR IGNORE INTO subject (kind, ident) VALUES (?, ?)", (subject.kind.value, subject.id))
            row = db.execute(
                "SELECT id FROM subject WHERE kind = ? AND ident = ?", (subject.kind.value, subject.id)
            ).fetchone()
            return int(row[0])

        def span(subject: int, kind: str, source: str, value: object, first: datetime, last: datetime) -> None:
            db.execute(
                "INSERT INTO span (subject, kind, source, value, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?)",
                (subject, kind, source, json.dumps(value, sort_keys=True, separators=(",", ":")),
                 first.timestamp(), last.timestamp()),
            )  # fmt: skip

        for place in range(phones):
            row = number(phone(udid(place)))
            begin = now - DAY * days
            name = NAMES[place] if place < len(NAMES) else f"iPad {place}"
            for kind, value in (
                (kinds.NAME, name), (kinds.MODEL, "iPhone17,1"), (kinds.CLOUD_BACKUP_ENABLED, True),
                (kinds.DEVICE_CLASS, "iPhone"), (kinds.OS_BUILD, "23B85"),
            ):  # fmt: skip
                span(row, kind, "iphone", value, begin, now)
            span(row, kinds.TRUST, "iphone", "trusted", now - DAY, now)
            for step in range(max(1, days // 60)):
                first = begin + DAY * 60 * step
                last = min(now, first + DAY * 60 - timedelta(hours=1))
                span(row, kinds.OS_VERSION, "iphone", f"{16 + step // 8}.{step % 8}", first, last)
                span(row, kinds.BOOT_SESSION, "iphone", f"boot-{step}", first, last)
            for made, until in _backups(dice, begin, now, place):
                value = None if made is None else rfc3339(made)
                first = (made or until) + timedelta(minutes=25)
                span(row, kinds.LAST_CLOUD_BACKUP, "iphone", value, first, max(first, until))
            sampled = now - DAY * min(days, 800)
            for day in range(min(days, 800)):
                morning = sampled + DAY * day
                span(row, kinds.CONNECTION, "iphone", "wifi", morning, morning + timedelta(hours=22))
                span(row, kinds.ON_POWER, "iphone", True, morning - timedelta(hours=6), morning)
                span(row, kinds.ON_POWER, "iphone", False, morning + timedelta(hours=1), morning + timedelta(hours=9))
                if batteries:
                    for look in range(48):
                        at = morning + timedelta(minutes=30 * look)
                        span(row, kinds.BATTERY_PERCENT, "iphone", dice.randrange(20, 101), at, at)
                span(row, kinds.DISK_AVAILABLE, "iphone", dice.randrange(20, 60) * 10**8, morning, morning)
        _account(span, number(ACCOUNT), dice, days, now)
        span(number(HOST), kinds.USBMUXD, "iphone", "ok", now - DAY, now)
        status = number(STATUS)
        span(status, kinds.SERVICES_LISTED, "apple-status", ["iCloud Backup"], now - DAY * days, now)
        span(status, kinds.SERVICE_EVENTS, "apple-status", [], now - DAY * days, now)
    for source in ("iphone", "icloud", "apple-status"):
        store.looked(source, now - timedelta(minutes=12), saw=True)
    store.plan(dict.fromkeys(("iphone", "icloud", "apple-status"), now + timedelta(minutes=18)))
    store.set_meta("started_at", rfc3339(now - DAY * 9))
    _alerts(store, phones, alerts, now, days)
    return store


def _backups(
    dice: random.Random, begin: datetime, now: datetime, place: int
) -> Iterator[tuple[datetime | None, datetime]]:
    """Each backup with the last reading that still showed it."""
    at = begin.replace(hour=2, minute=11) + timedelta(minutes=dice.randrange(120))
    while at < now:
        pause = dice.choices((1, 2, 3, 6, 12, 30), (900, 60, 15, 8, 5, 2))[0]
        if now - at < DAY * 11 and place % 4 == 2:
            pause = 20  # one phone's drought lasts until now
        following = at + DAY * pause
        unread = timedelta(days=5) if pause == 12 else timedelta(hours=1)
        yield at, min(following - unread, now - timedelta(minutes=12))
        at = following + timedelta(minutes=dice.randrange(-20, 20))


def _account(span, row: int, dice: random.Random, days: int, now: datetime) -> None:  # type: ignore[no-untyped-def]
    total, photos, backup = 50 * GB, 18 * GB, 9 * GB
    for day in range(days):
        at = now - DAY * (days - day)
        photos += dice.randrange(0, 40_000_000)
        backup += dice.randrange(-20_000_000, 24_000_000)
        mail, docs = GB // 3, 2 * GB
        if photos + backup + mail + docs > 0.97 * total:
            total *= 4
        used = photos + backup + mail + docs
        value = {
            "total_bytes": total, "used_bytes": used, "available_bytes": total - used, "backup_bytes": backup,
            "media": {"photos": photos, "docs": docs, "mail": mail, "backup": backup},
        }  # fmt: skip
        span(row, kinds.QUOTA, "icloud", value, at, at + timedelta(hours=18))
    span(row, kinds.ACCOUNT_STATE, "icloud", "ok", now - timedelta(hours=3), now - timedelta(minutes=12))
    span(row, kinds.APPLE_ID_MASKED, "icloud", "a•••@example.com", now - DAY * days, now)


def _alerts(store: Store, phones: int, count: int, now: datetime, days: int) -> None:
    entries = []
    for place in range(count):
        at = now - DAY * days * (count - place) / (count + 1)
        who = udid(place % phones) if phones else None
        message = Message(f"id{place}", f"{NAMES[place % 4]}: no backup for {3 + place % 9} days", "…", udid=who)
        cause = ("no-power", "icloud-storage-full", "restart-iphone", None)[place % 4]
        mark = ("first", "reminder", "worse", "recovered")[place % 4]
        entries.append(Entry(message, mark, (who,) if who else (), cause, at, at))
    store.decide({}, entries, (), now)
    with store._writing() as db:
        db.execute("UPDATE outbox SET state = 'shown', ended_at = created_at + 60, channel = 'desktop'")
