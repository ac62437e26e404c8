"""What was already tried since the backups stopped, as the facts show it; the ladder of general remedies reads this."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import View
from backupwatch.judge import ios_versions, nights
from backupwatch.judge.finding import Case

_WEEK: Final = timedelta(days=7)


def changed_at(view: View, kind: str, after: datetime, now: datetime) -> datetime | None:
    """When the kind's value was first seen different from before, the last time after ``after``; else None."""
    known = [span for span in view.spans(kind) if isinstance(span.value, str) and span.first_at <= now]
    changes = [
        later.first_at for earlier, later in pairwise(known) if later.value != earlier.value and later.first_at > after
    ]
    return max(changes) if changes else None


def restarted_at(case: Case) -> datetime | None:
    """The last restart since the backups stopped."""
    since = case.freshness.gap_since
    return changed_at(case.phone, kinds.BOOT_SESSION, since, case.now) if since is not None else None


def updated_at(case: Case) -> datetime | None:
    """The last change of the iOS version since the backups stopped."""
    since = case.freshness.gap_since
    return changed_at(case.phone, kinds.OS_VERSION, since, case.now) if since is not None else None


def signed_in_at(case: Case) -> datetime | None:
    """When Find My was last switched off and on again on the phone since the backups stopped, as signing out does.

    iCloud Backup switched off and on again is not it, though that too deletes the date of the last backup.
    """
    return _on_again(case, kinds.FIND_MY_ON)


def switched_on_at(case: Case) -> datetime | None:
    """When iCloud Backup was first seen on again, the last time it had been off since the backups stopped."""
    return _on_again(case, kinds.CLOUD_BACKUP_ENABLED)


def _on_again(case: Case, switch: str) -> datetime | None:
    since = case.freshness.gap_since
    spans = [span for span in case.phone.spans(switch) if isinstance(span.value, bool)]
    moments = [
        later.first_at
        for earlier, later in pairwise(spans)
        if earlier.value is False and later.value is True and since is not None and since < later.first_at <= case.now
    ]
    return max(moments, default=None)


def had_a_night(case: Case, since: datetime) -> bool:
    """Whether a whole night has passed since ``since``: a remedy needs one before it can be said to have failed.

    Nights before iCloud Backup was switched on again say nothing: no remedy could have helped in them.
    """
    since = max(since, switched_on_at(case) or since)
    return any(starts >= since for starts, _ in nights.windows(since - _WEEK, case.now, case.zone))


def restart_failed(case: Case) -> bool:
    """Whether a restart was tried and a whole night since did not bring a backup."""
    restarted = restarted_at(case)
    return restarted is not None and had_a_night(case, restarted)


def update_is_open(case: Case) -> bool:
    """Whether updating iOS is still to be tried, or was too late to have helped yet."""
    updated = updated_at(case)
    if updated is not None:
        return not had_a_night(case, updated)
    return ios_versions.is_outdated(case)


def sign_in_failed(case: Case) -> bool:
    """Whether signing in again was tried and a whole night since did not bring a backup."""
    signed_in = signed_in_at(case)
    return signed_in is not None and had_a_night(case, signed_in)
