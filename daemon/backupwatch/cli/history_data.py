"""The past for programs: one JSON document, or one table for a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, TextIO

from backupwatch.clock import rfc3339
from backupwatch.lookback import AlertPast, Lookback, PhonePast
from backupwatch.view.nights import Night, strip_of
from backupwatch.view.past import KINDS


def write_json(back: Lookback, zone: tzinfo, to: TextIO) -> None:
    """One JSON document."""
    json.dump(to_json(back, zone), to, indent=2, ensure_ascii=True)
    to.write("\n")


def write_csv(back: Lookback, to: TextIO) -> None:
    """One table with a row of names above it."""
    csv.writer(to, lineterminator="\n").writerows(_cells(rows(back)))


def to_json(back: Lookback, zone: tzinfo) -> dict[str, Any]:
    """The past as one document; times in UTC, lengths in seconds, sizes in bytes."""
    return {
        "schema": 1,
        "generated_at": rfc3339(back.now),
        "since": rfc3339(back.since),
        "devices": [_device_json(each, back, zone) for each in back.phones],
        "alerts": [_alert_json(alert) for alert in back.alerts],
        "quota": [
            {
                "at": rfc3339(point.at),
                "total_bytes": int(point.total),
                "used_bytes": int(point.used),
                "parts": {part: int(size) for part, size in point.parts.items()},
            }
            for point in back.quota
        ],
    }


def _device_json(each: PhonePast, back: Lookback, zone: tzinfo) -> dict[str, Any]:
    count = max(1, min(round((back.now - back.since) / timedelta(days=1)), 3_660))
    cloud, local, folder = (each.tracks.get(kind, ()) for kind in KINDS)
    nights = strip_of(cloud, local, folder, back.now, zone, count)
    return {
        "udid": each.udid,
        "name": each.name,
        "backups": [
            {
                "at": rfc3339(backup.at),
                "kind": backup.where,
                "interval_seconds": None if backup.gap is None else int(backup.gap.total_seconds()),
            }
            for backup in sorted(each.past.backups, key=lambda backup: backup.at)
            if backup.at >= back.since
        ],
        "stale_periods": [
            {
                "last_backup": _moment(drought.last),
                "stale_from": rfc3339(drought.stale_at),
                "ended_at": _moment(drought.ended_at),
                "proved_until": rfc3339(drought.proved_until),
                "overdue": drought.overdue,
            }
            for drought in each.past.droughts
            if drought.ended_at is None or drought.ended_at >= back.since
        ],
        "nights": {
            "first": nights.first.isoformat(),
            "states": [night.name.lower().replace("_", "-") for night in nights.nights],
            "backed_up": nights.count(Night.BACKED_UP),
            "missed": nights.count(Night.MISSED),
            "not_seen": nights.count(Night.NOT_SEEN),
        },
    }


def _alert_json(alert: AlertPast) -> dict[str, Any]:
    entry = alert.entry
    return {
        "created_at": rfc3339(entry.created_at),
        "reason": entry.mark,
        "devices": list(entry.udids),
        "cause": entry.cause,
        "title": entry.message.title,
        "state": entry.state,
        "ended_at": _moment(entry.ended_at),
        "channel": entry.channel,
        "outcomes": [
            {
                "udid": udid,
                "next_backup_at": _moment(outcome.backup_at),
                "cause_was_right": outcome.right.value,
                "sentence": outcome.sentence,
            }
            for udid, outcome in alert.outcomes.items()
        ],
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def rows(back: Lookback) -> Iterable[Sequence[object]]:
    """The past as one table in the order of time; the first row names the columns."""
    yield ("time", "event", "device", "udid", "detail", "total_bytes", "used_bytes")
    found: list[tuple[datetime, str, str, str, str, object, object]] = []
    for each in back.phones:
        who = (each.name, each.udid)
        found += [(b.at, f"backup-{b.where}", *who, "", "", "") for b in each.past.backups if b.at >= back.since]
        for drought in each.past.droughts:
            grade = "overdue" if drought.overdue else "stale"
            found.append((drought.stale_at, "stale-begins", *who, grade, "", ""))
            if drought.ended_at is not None:
                found.append((drought.ended_at, "stale-ends", *who, grade, "", ""))
    names = {each.udid: each.name for each in back.phones}
    for alert in back.alerts:
        entry = alert.entry
        who = ("; ".join(names.get(udid, "") for udid in entry.udids), "; ".join(entry.udids))
        found.append((entry.created_at, f"alert-{entry.mark}", *who, entry.message.title, "", ""))
    found += [(p.at, "storage", "", "", "", int(p.total), int(p.used)) for p in back.quota]
    for at, *rest in sorted(found, key=lambda row: row[0]):
        if at >= back.since:
            yield (rfc3339(at), *rest)


def _cells(table: Iterable[Sequence[object]]) -> Iterable[list[object]]:
    """A cell that a spreadsheet would take for a formula begins with an apostrophe: a phone's name is foreign."""
    for row in table:
        yield [f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@"} else cell for cell in row]
