"""What was already tried since the backups stopped, as the facts show it; the ladder of general remedies reads this."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import View
from backupwatch.judge import nights
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
    """The last sign-out and sign-in on the phone since the backups stopped: Find My went off and came back."""
    since = case.freshness.gap_since
    if since is None:
        return None
    spans = [span for span in case.phone.spans(kinds.FIND_MY_ON) if isinstance(span.value, bool)]
    backs = [
        later.first_at
        for earlier, later in pairwise(spans)
        if earlier.value is False and later.value is True and since < later.first_at <= case.now
    ]
    return max(backs) if backs else None


def had_a_night(case: Case, since: datetime) -> bool:
    """Whether a whole night has passed since ``since``: a remedy needs one before it can be said to have failed."""
    return any(starts >= since for starts, _ in nights.windows(since - _WEEK, case.now, case.zone))
