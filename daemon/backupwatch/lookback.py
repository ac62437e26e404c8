"""The past as the store tells it: backups, droughts, alerts with what became of them, storage. Reads, never writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, STATUS, phone
from backupwatch.facts.snapshot import Span, View, of_present
from backupwatch.judge.limits import Limits
from backupwatch.judging import limits_of
from backupwatch.settings.values import Config
from backupwatch.store import Entry, Store
from backupwatch.text import plain
from backupwatch.view import outcome as outcomes
from backupwatch.view.outcome import Change, Outcome
from backupwatch.view.past import KINDS, Past, past
from backupwatch.view.quota import Point, points

ABOUT_BACKUPS: Final = frozenset({"first", "worse", "cause", "reminder", "warning", "deletion"})
"""Marks of alerts that wait for a backup; the others report something that is over or is not a phone's."""


@dataclass(frozen=True, slots=True)
class PhonePast:
    """One phone's past; ``name`` is safe to print, ``tracks`` holds the spans that tell of backups."""

    udid: str
    name: str
    limits: Limits
    past: Past
    tracks: Mapping[str, Sequence[Span]]
    changes: Sequence[Change]

    @property
    def made(self) -> list[datetime]:
        """The moments of all backups, oldest first."""
        return sorted({backup.at for backup in self.past.backups})


@dataclass(frozen=True, slots=True)
class AlertPast:
    """One alert with what became of it for each phone that it spoke of, by UDID."""

    entry: Entry
    outcomes: Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class Lookback:
    """Everything between ``since`` and ``now`` (aware UTC), each list oldest first."""

    since: datetime
    now: datetime
    phones: tuple[PhonePast, ...]
    alerts: tuple[AlertPast, ...]
    quota: tuple[Point, ...]


def look_back(
    store: Store, config: Config, zone: tzinfo, now: datetime, since: datetime, only: Iterable[str] | None = None
) -> Lookback:
    """Read the past.

    :param only: UDIDs; None for all phones.
    """
    names = store.phone_names()
    udids = list(names) if only is None else [udid for udid in only if udid in names]
    account = of_present(
        store.tracks(ACCOUNT, (*outcomes.ACCOUNT_KINDS, kinds.APPLE_ID_MASKED), since)
        if config.account.apple_id
        else {},
        kinds.APPLE_ID_MASKED,
    )
    status = View(STATUS, store.tracks(STATUS, (kinds.SERVICE_EVENTS,), since))
    phones = tuple(_phone(store, config, udid, names[udid], account, status, since, now, zone) for udid in udids)
    by_udid = {each.udid: each for each in phones}
    alerts = tuple(
        _alert(entry, by_udid, zone)
        for entry in store.alerts(since)
        if only is None or any(udid in by_udid for udid in entry.udids)
    )
    return Lookback(since, now, phones, alerts, tuple(points(account.get(kinds.QUOTA, ()), since, now)))


def _phone(
    store: Store,
    config: Config,
    udid: str,
    own_name: str,
    account: Mapping[str, Sequence[Span]],
    status: View,
    since: datetime,
    now: datetime,
    zone: tzinfo,
) -> PhonePast:
    given, limits = config.device(udid), limits_of(config, udid)
    tracks = store.tracks(phone(udid), (*KINDS, *outcomes.PHONE_KINDS), since)
    found = past(tracks, limits, now)
    made = sorted({backup.at for backup in found.backups})
    return PhonePast(
        udid,
        plain((given.name if given else "") or own_name, 60) or plain(udid),
        limits,
        found,
        {kind: tracks.get(kind, ()) for kind in KINDS},
        outcomes.changes(tracks, account, status, made, now, zone),
    )


def _alert(entry: Entry, phones: Mapping[str, PhonePast], zone: tzinfo) -> AlertPast:
    if entry.state != "shown" or entry.mark not in ABOUT_BACKUPS:
        return AlertPast(entry, {})
    told_at = entry.ended_at or entry.created_at
    return AlertPast(
        entry,
        {
            udid: outcomes.outcome(entry.cause, told_at, phones[udid].made, phones[udid].changes, zone)
            for udid in entry.udids
            if udid in phones
        },
    )
