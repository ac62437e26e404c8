"""Apple's documents about the account, turned into the plain values of facts. Pure; everything foreign is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import Json
from backupwatch.facts.snapshot import as_number
from backupwatch.text import MAX_FOREIGN, clip

MOST_BYTES: Final = 2**60
"""No account is larger; the largest plan sold is 12 TB."""
MOST_ROWS: Final = 100
MEDIA_KEY: Final = re.compile(r"\w{1,40}")
FIND_MY_WORDS: Final = {"200": "online", "201": "offline", "203": "pending", "204": "unregistered"}
"""Find My ``deviceStatus``, as gcobb321/icloud3 ``const.py`` reads it."""


def table(value: object) -> Mapping[str, Any]:
    """The value if it is a table, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def account_values(document: Mapping[str, Any]) -> dict[str, Json]:
    """What a validate or login answer says of the account: kind to value; a missing key gives no fact."""
    info = table(document.get("dsInfo"))
    found: dict[str, Json] = {}
    for kind, key in ((kinds.EMAIL_VERIFIED, "primaryEmailVerified"), (kinds.MANAGED_ACCOUNT, "isManagedAppleID")):
        if isinstance(info.get(key), bool):
            found[kind] = info[key]
    return found


def quota_values(usage: object, status: object, media: Mapping[str, object]) -> dict[str, Json]:
    """What ``storageUsageInfo`` says: kind to value.

    :raises ValueError: it does not say how much there is and how much is used.
    """
    used, total = (_bytes(table(usage).get(f"{word}StorageInBytes")) for word in ("used", "total"))
    if used is None or not total:
        raise ValueError("no usage in the answer")
    shares = {key: size for key, raw in list(media.items())[:MOST_ROWS] if (size := _bytes(raw)) is not None}
    found: dict[str, Json] = {
        kinds.QUOTA: {
            "total_bytes": total,
            "used_bytes": used,
            "available_bytes": max(0, total - used),
            # An account without backups has no such key; only then, not where the list is missing, it is zero.
            "backup_bytes": shares.get("backup", 0 if shares else None),
            "media": {key: size for key, size in shares.items() if MEDIA_KEY.fullmatch(key)},
        }
    }
    flags = ((kinds.OVER_QUOTA, "overQuota"), (kinds.ALMOST_FULL, "almost-full"), (kinds.PAID_QUOTA, "paidQuota"))
    for kind, key in flags:
        if isinstance(table(status).get(key), bool):
            found[kind] = table(status)[key]
    return found


def share_changed(note: Mapping[str, Any], share: int | None, now: datetime) -> tuple[dict[str, Json], str | None]:
    """The next note about the share taken by backups, and the moment at which it last changed, or None.

    A share that vanished, or lost more than half, tells of a backup that was deleted, not of one that was made.
    """
    before, changed = _bytes(note.get("backup_bytes")), note.get("changed_at")
    at = changed if isinstance(changed, str) else None
    if share is None:
        return {"backup_bytes": before, "changed_at": at}, at
    if before is not None and share != before and share > 0 and share >= before / 2:
        at = rfc3339(now)
    return {"backup_bytes": share, "changed_at": at}, at


def device_rows(devices: Iterable[object]) -> list[dict[str, Json]]:
    """``ACCOUNT_DEVICES``: name, model and version of each; nothing else of what Apple tells is kept."""
    rows: list[dict[str, Json]] = []
    for device in list(devices)[:MOST_ROWS]:
        said = table(device)
        version = _text(said.get("osVersion"))
        rows.append({
            "name": _text(said.get("name")),
            "model": _text(said.get("model")),
            "os_version": version.rpartition(";")[2] if version else None,
        })  # fmt: skip
    return rows


def match(phones: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """UDID to the one Find My row that can only be this phone.

    Name and model are hints, not proof: a pair counts only where exactly one phone and exactly one row have it.
    """
    known = [(_key(phone.get("name"), phone.get("model")), str(phone.get("udid") or "")) for phone in phones]
    seen = [(_key(row.get("name"), row.get("rawDeviceModel")), row) for row in rows]
    found: dict[str, Mapping[str, Any]] = {}
    for key, udid in known:
        same_rows = [row for other, row in seen if other == key]
        if key and udid and len(same_rows) == 1 and sum(other == key for other, _ in known) == 1:
            found[udid] = same_rows[0]
    return found


def find_my_values(row: Mapping[str, Any]) -> dict[str, Json]:
    """What Find My says of a phone; of where it is, only when it was last heard of."""
    found: dict[str, Json] = {}
    status = FIND_MY_WORDS.get(str(row.get("deviceStatus")))
    if status is not None:
        found[kinds.FIND_MY_STATUS] = status
    battery = row.get("batteryStatus")
    level = as_number(row.get("batteryLevel"), 0.0, 1.0)
    if battery in ("Charging", "NotCharging", "Charged"):  # an offline phone says Unknown and 0.0
        found[kinds.FIND_MY_CHARGING] = battery != "NotCharging"
        if level is not None:
            found[kinds.FIND_MY_BATTERY] = round(level * 100)
    if status == "online" and isinstance(row.get("lowPowerMode"), bool):
        found[kinds.LOW_POWER_MODE] = row["lowPowerMode"]
    stamp = as_number(table(row.get("location")).get("timeStamp"), 1.0e12, 1.0e13)  # milliseconds, from 2001 on
    if stamp is not None:
        found[kinds.FIND_MY_SEEN] = rfc3339(datetime.fromtimestamp(stamp / 1000, UTC))
    return found


def _key(name: object, model: object) -> tuple[str, str] | None:
    if not isinstance(name, str) or not isinstance(model, str) or not name.strip() or not model.strip():
        return None
    straight = name.replace("’", "'").strip().casefold()  # phones write the curly apostrophe
    return straight, model.strip()


def _bytes(value: object) -> int | None:
    number = as_number(value, 0, MOST_BYTES) if isinstance(value, int | float) else None
    return None if number is None else int(number)


def _text(value: object) -> str | None:
    return clip(value, MAX_FOREIGN) if isinstance(value, str) else None
