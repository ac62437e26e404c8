"""What a check sees: for every phone, the account, Apple and this computer the facts of the past, newest last.

Values are foreign until read through the typed accessors, which answer None for anything that is not of the
wanted shape: a check never meets a string where it asked for a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from backupwatch.clock import parse_rfc3339
from backupwatch.facts.observation import ACCOUNT, HOST, RELEASES, STATUS, Blind, Json, Subject

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """The same value seen from ``first_at`` to ``last_at`` (aware UTC, both moments of looking), ``samples`` times."""

    value: Json
    first_at: datetime
    last_at: datetime
    source: str
    samples: int = 1


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """A typed value with the moments between which it was seen."""

    value: T
    first_at: datetime
    last_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything known about one subject.

    :ivar tracks: kind to its spans, oldest first, not overlapping for one source.
    :ivar blinds: the newest Blind of every look that has not succeeded since.
    :ivar last_seen: when any fact about the subject was last observed by looking at it, or None.
    """

    subject: Subject
    tracks: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    blinds: tuple[Blind, ...] = ()
    last_seen: datetime | None = None

    def spans(self, kind: str) -> tuple[Span, ...]:
        """All spans of a kind, oldest first."""
        return self.tracks.get(kind, ())

    def newest(self, kind: str) -> Span | None:
        """The span that was confirmed last."""
        spans = self.spans(kind)
        return max(spans, key=lambda span: span.last_at) if spans else None

    def flag(self, kind: str) -> Reading[bool] | None:
        """The newest value if it is a bool."""
        span = self.newest(kind)
        return _reading(span, span.value) if span and isinstance(span.value, bool) else None

    def text(self, kind: str) -> Reading[str] | None:
        """The newest value if it is a non-empty string; foreign, so it goes through text.py on its way out."""
        span = self.newest(kind)
        return _reading(span, span.value) if span and isinstance(span.value, str) and span.value else None

    def number(self, kind: str, low: float, high: float) -> Reading[float] | None:
        """The newest value if it is a finite number within ``low`` and ``high``, both included."""
        span = self.newest(kind)
        value = as_number(span.value, low, high) if span else None
        return _reading(span, value) if span and value is not None else None

    def moment(self, kind: str) -> Reading[datetime] | None:
        """The newest value if it is a moment in time."""
        span = self.newest(kind)
        value = as_moment(span.value) if span else None
        return _reading(span, value) if span and value is not None else None

    def table(self, kind: str) -> Reading[Mapping[str, Json]] | None:
        """The newest value if it is a table."""
        span = self.newest(kind)
        return _reading(span, span.value) if span and isinstance(span.value, Mapping) else None

    def rows(self, kind: str) -> Reading[tuple[Mapping[str, Json], ...]] | None:
        """The newest value if it is a list; entries that are no tables are left out."""
        span = self.newest(kind)
        if span is None or not isinstance(span.value, list | tuple):
            return None
        return _reading(span, tuple(row for row in span.value if isinstance(row, Mapping)))

    def events(self, kind: str, since: datetime | None = None) -> Iterator[tuple[datetime, Mapping[str, Json]]]:
        """Events of a kind in the order in which they happened, from ``since`` on; undated ones are left out."""
        dated = [
            (at, span.value)
            for span in self.spans(kind)
            if isinstance(span.value, Mapping) and (at := as_moment(span.value.get("at"))) is not None
        ]
        dated.sort(key=lambda pair: pair[0])
        return ((at, value) for at, value in dated if since is None or at >= since)

    def blind(self, look: str) -> Blind | None:
        """Why the newest such look saw nothing, or None if it saw something."""
        return next((blind for blind in self.blinds if blind.look == look), None)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything known at ``taken_at`` (aware UTC)."""

    taken_at: datetime
    phones: Mapping[str, View] = field(default_factory=dict)
    account: View = View(ACCOUNT)
    status: View = View(STATUS)
    releases: View = View(RELEASES)
    host: View = View(HOST)


def of_present(tracks: Mapping[str, tuple[Span, ...]], identity: str) -> Mapping[str, tuple[Span, ...]]:
    """The tracks without what was seen of somebody else before ``identity``, a kind, took its present value."""
    names = tracks.get(identity, ())
    if len(names) < 2:
        return tracks
    since = max(names, key=lambda span: span.last_at).first_at
    return {kind: tuple(span for span in spans if span.last_at >= since) for kind, spans in tracks.items()}


def as_number(value: Json, low: float, high: float) -> float | None:
    """A finite number within the bounds, or None; a bool is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if low <= value <= high else None


def as_moment(value: Json) -> datetime | None:
    """An aware moment in UTC from an RFC 3339 string, or None."""
    if not isinstance(value, str):
        return None
    try:
        return parse_rfc3339(value)
    except (ValueError, OverflowError):
        return None


def _reading(span: Span, value: T) -> Reading[T]:
    return Reading(value, span.first_at, span.last_at, span.source)
