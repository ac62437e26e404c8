"""Stores with a past, made of facts, and the commands that show them, called as the command line calls them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backupwatch import paths
from backupwatch.cli.app import Root
from backupwatch.clock import rfc3339, utc_now
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, HOST, Observation, phone
from backupwatch.store import Store, open_store

NOW = utc_now()
DAY = timedelta(days=1)
ROOT = Root(None, verbose=False)
PHONES = {"Anna": "00008140-001C2D3E4F50001C", "Ben": "00008120-0011223344556677", "Mia": "00008110-000A1B2C3D4E801E"}


def remembered(**ages: float | None) -> Store:
    """A store in the usual place with phones whose last backup is so many days old, read daily until just now."""
    store = open_store(paths.store_file(), NOW, thorough=False)
    for name, age in ages.items():
        phone_read(store, PHONES[name], name, age)
    store.append([Observation(HOST, kinds.USBMUXD, "ok", NOW - DAY / 24, "iphone")])
    for source in ("iphone", "icloud"):
        store.looked(source, NOW - timedelta(minutes=12), saw=True)
    store.plan({"iphone": NOW + timedelta(minutes=18)})
    return store


def phone_read(store: Store, udid: str, name: str, age: float | None, *, days: int = 20, until: float = 0.0) -> None:
    """One phone, backed up daily until its last backup, read daily until ``until`` days ago."""
    facts: list[Observation] = []
    for back in range(days, -1, -1):
        at = NOW - max(until, back) * DAY - timedelta(minutes=12)
        newest = None if age is None else max(age, float(back) + age % 1)
        made = None if newest is None else rfc3339(NOW - newest * DAY - timedelta(minutes=30))
        values: dict[str, Any] = {
            kinds.NAME: name, kinds.MODEL: "iPhone17,1", kinds.OS_VERSION: "26.1", kinds.TRUST: "trusted",
            kinds.CLOUD_BACKUP_ENABLED: True, kinds.LAST_CLOUD_BACKUP: made, kinds.CONNECTION: "usb",
        }  # fmt: skip
        facts += [Observation(phone(udid), kind, value, at, "iphone") for kind, value in values.items()]
        if back <= until:
            break
    store.append(facts)


def storage(store: Store, used_gb: float, total_gb: float, days_ago: float) -> None:
    """One reading of the account."""
    at = NOW - days_ago * DAY
    used, total = int(used_gb * 2**30), int(total_gb * 2**30)
    value = {"total_bytes": total, "used_bytes": used, "available_bytes": total - used, "backup_bytes": used // 4}
    store.append([
        Observation(ACCOUNT, kinds.QUOTA, value, at, "icloud"),
        Observation(ACCOUNT, kinds.ACCOUNT_STATE, "ok", at, "icloud"),
        Observation(ACCOUNT, kinds.APPLE_ID_MASKED, "a•••@example.com", at, "icloud"),
    ])  # fmt: skip


def configure(text: str) -> None:
    """The person's own file."""
    file = Path(os.environ["BACKUPWATCH_CONFIG"])
    file.write_text(text, "utf-8")
    file.chmod(0o600)


def watch_account() -> None:
    """The account is watched."""
    configure('[account]\napple_id = "anna@example.com"\n')


def utc(days: float) -> datetime:
    """So many days before now."""
    return (NOW - days * DAY).astimezone(UTC)
