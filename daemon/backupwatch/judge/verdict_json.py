"""The verdict as the contract's JSON document (``check --json``, ``status --json``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from backupwatch import text
from backupwatch.clock import rfc3339
from backupwatch.judge.apple_events import Event
from backupwatch.judge.finding import Blamed
from backupwatch.judge.storage import Quota
from backupwatch.judge.verdict import DeviceVerdict, Verdict

SCHEMA: Final = 1


def to_json(
    verdict: Verdict,
    *,
    snoozed_until: Mapping[str, datetime] | None = None,
    daemon: str = "unknown",
    last_poll_at: datetime | None = None,
    problems: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The whole document, ready for :func:`json.dumps`.

    :param snoozed_until: by UDID.
    :param daemon: ``running``, ``stopped`` or ``unknown``.
    :param problems: further sentences about the watcher, after the verdict's own.
    """
    snoozes = snoozed_until or {}
    account = verdict.account
    return {
        "schema": SCHEMA,
        "generated_at": rfc3339(verdict.generated_at),
        "state": verdict.state.value,
        "devices": [_device(device, snoozes.get(device.udid)) for device in verdict.devices],
        "account": {
            "state": account.state,
            "apple_id": account.apple_id,
            "checked_at": _moment(account.checked_at),
            "quota": _quota(account.quota),
        },
        "services": {
            "state": verdict.services.state,
            "checked_at": _moment(verdict.services.checked_at),
            "events": [_event(event) for event in verdict.services.events],
        },
        "watcher": {
            "daemon": daemon,
            "last_poll_at": _moment(last_poll_at),
            "problems": [*verdict.problems, *problems],
        },
    }


def _device(device: DeviceVerdict, snoozed_until: datetime | None) -> dict[str, Any]:
    found = device.freshness
    return {
        "udid": device.udid,
        "name": device.name,
        "model": device.model,
        "os_version": device.os_version,
        "state": device.state.value,
        "last_icloud_backup": _moment(found.last_cloud),
        "last_local_backup": _moment(found.last_local),
        "age_seconds": device.age_seconds,
        "seen_at": _moment(device.seen_at),
        "connection": device.connection,
        "snoozed_until": _moment(snoozed_until),
        "evidence": [*found.evidence, *device.warnings],
        "causes": [_cause(cause) for cause in device.causes],
        "ruled_out": [{"id": out.id, "evidence": list(out.evidence)} for out in device.ruled_out],
        "not_checked": [{"id": unknown.id, "reason": unknown.reason} for unknown in device.not_checked],
    }


def _cause(cause: Blamed) -> dict[str, Any]:
    return {
        "id": cause.id,
        "certainty": cause.certainty.value,
        "summary": cause.summary,
        "evidence": list(cause.evidence),
        "fix": list(cause.fix),
        "source": cause.source,
    }


def _quota(quota: Quota | None) -> dict[str, int | None] | None:
    if quota is None:
        return None
    return {
        "total_bytes": int(quota.total),
        "used_bytes": int(quota.used),
        "available_bytes": int(quota.available),
        "backup_bytes": None if quota.backup is None else int(quota.backup),
    }


def _event(event: Event) -> dict[str, str | None]:
    return {
        "service": text.plain(event.service),
        "type": event.kind,
        "started_at": rfc3339(event.starts),
        "ended_at": _moment(event.ends),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
