"""When each backup was made, and when none was for too long, from a phone's own dates. Pure.

A phone tells only its newest backup, so several between two readings look like one; what is listed here was made,
what was made between two readings and overtaken is not known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import Span
from backupwatch.judge.limits import Limits
from backupwatch.view.nights import backups, folder_backups, without_backup

KINDS: Final = (kinds.LAST_CLOUD_BACKUP, kinds.LAST_LOCAL_BACKUP, kinds.LOCAL_BACKUP_FOLDER)

Where = Literal["icloud", "local"]


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup that is proved; ``gap`` is the time since the one before it, None for the first known."""

    at: datetime
    where: Where
    gap: timedelta | None


@dataclass(frozen=True, slots=True)
class Drought:
    """A time without a backup that grew too long.

    :ivar last: the backup before it, None when there was none.
    :ivar stale_at: when it became stale. :ivar ended_at: the next backup, None while it lasts.
    :ivar proved_until: the last reading that still showed the old date.
    :ivar overdue: whether it is proved to have outlasted the second limit too.
    """

    last: datetime | None
    stale_at: datetime
    ended_at: datetime | None
    proved_until: datetime
    overdue: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one backup to the next (or to now); up to ``proved_until`` it is certain that none lies between."""

    since: datetime
    until: datetime
    proved_until: datetime
    open: bool


@dataclass(frozen=True, slots=True)
class Past:
    """A phone's history of backups, oldest first."""

    backups: tuple[Backup, ...]
    droughts: tuple[Drought, ...]
    stretches: tuple[Stretch, ...]


def past(tracks: Mapping[str, Sequence[Span]], limits: Limits, now: datetime) -> Past:
    """Read a phone's history; every backup is listed, those that count under the limits make the droughts."""
    cloud_spans, local_spans, folder_spans = (tracks.get(kind, ()) for kind in KINDS)
    cloud = backups(cloud_spans, now)
    local = sorted({*backups(local_spans, now), *folder_backups(folder_spans, now)})
    cloud_read, local_read = without_backup(cloud_spans, now), without_backup(local_spans, now)
    match limits.counts:
        case "icloud":
            lines = [(cloud, cloud_read)]
        case "local":
            lines = [(local, local_read)]
        case "both":
            lines = [(cloud, cloud_read), (local, local_read)]
        case _:
            lines = [(sorted({*cloud, *local}), cloud_read or local_read)]
    stretches = [_stretches(made, reads, now) for made, reads in lines]
    droughts = [
        drought
        for (made, reads), parts in zip(lines, stretches, strict=True)
        for drought in _droughts(made, parts, reads, limits)
    ]
    return Past(
        tuple(_listed(cloud, local)),
        tuple(sorted(droughts, key=lambda drought: drought.stale_at)),
        tuple(max(stretches, key=lambda parts: max((part.until - part.since for part in parts), default=timedelta(0)))),
    )


def _listed(cloud: Iterable[datetime], local: Iterable[datetime]) -> Iterable[Backup]:
    for where, moments in (("icloud", cloud), ("local", local)):
        before: datetime | None = None
        for at in moments:
            yield Backup(at, "icloud" if where == "icloud" else "local", at - before if before else None)
            before = at


def _stretches(made: Sequence[datetime], reads: Sequence[tuple[datetime, datetime]], now: datetime) -> list[Stretch]:
    by_end = sorted(reads, key=lambda read: read[1])
    ends = [end for _, end in by_end]
    found = []
    for place, (since, until) in enumerate(zip(made, [*made[1:], now][: len(made)], strict=True)):
        if until <= since:
            continue
        after = bisect_right(ends, until)
        if after < len(by_end) and by_end[after][0] < until:
            proved = until  # the same date was still read later
        else:
            proved = max(since, ends[after - 1]) if after else since
        found.append(Stretch(since, until, proved, place == len(made) - 1))
    return found


def _droughts(
    made: Sequence[datetime],
    stretches: Sequence[Stretch],
    reads: Sequence[tuple[datetime, datetime]],
    limits: Limits,
) -> Iterable[Drought]:
    if reads and (not made or reads[0][0] < made[0]):
        since, read = reads[0][0], max(read for begun, read in reads if not made or begun < made[0])
        if read - since > limits.stale_after:
            end = made[0] if made else None
            yield Drought(None, since + limits.stale_after, end, read, read - since > limits.overdue_after)
    for part in stretches:
        length = part.proved_until - part.since
        if length > limits.stale_after:
            end, overdue = None if part.open else part.until, length > limits.overdue_after
            yield Drought(part.since, part.since + limits.stale_after, end, part.proved_until, overdue)


def gaps(made: Sequence[Backup]) -> list[timedelta]:
    """The times between backups of any kind."""
    return [later - earlier for earlier, later in pairwise(sorted({backup.at for backup in made}))]
