"""The line that shows that something happens: on standard error, only on a terminal, gone when done."""

from __future__ import annotations

import sys
from types import TracebackType

from backupwatch.cli.lines import draws
from backupwatch.facts import kinds
from backupwatch.facts.observation import Fact, Observation, SubjectKind
from backupwatch.text import plain


class Progress:
    """Counts the phones that answered while the look goes on."""

    def __init__(self) -> None:
        self._on = draws(sys.stderr)
        self._seen: dict[str, str] = {}

    def __enter__(self) -> Progress:
        self._write("Looking for phones …")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")

    def fact(self, fact: Fact) -> None:
        """One more fact has arrived."""
        if fact.subject.kind is not SubjectKind.PHONE:
            return
        known = self._seen.setdefault(fact.subject.id, "a phone")
        if isinstance(fact, Observation) and fact.kind == kinds.NAME:
            self._seen[fact.subject.id] = plain(fact.value, 30)
        elif known != "a phone":
            return
        count = len(self._seen)
        self._write(f"Reading {count} phone{'s' if count > 1 else ''}: {self._seen[fact.subject.id]}")

    def _write(self, text: str) -> None:
        if self._on:
            # Erase the line first: a long name must not leave its end behind.
            print(f"\r\x1b[2K{text[:70]}", end="", file=sys.stderr, flush=True)
