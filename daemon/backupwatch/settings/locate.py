"""Where every key and value of a TOML text stands.

``tomllib`` accepts or refuses a text and gives values without places. This scanner runs only over accepted text,
so it knows that everything closes, and only has to walk; a property test holds its keys against ``tomllib``'s.
It does not recurse, so deep nesting cannot exhaust the stack.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""``("device", 0, "name")``: keys of tables and indexes of arrays, from the root."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''[\s\S]*?'{3,5}"
    r'|(?!""")"(?:\\.|[^"\\])*"'
    r"|(?!''')'[^']*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^\s,\]}#]+(?: [0-9]{2}:[^\s,\]}#]+)?")  # a date and its time may have a blank between


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a key and of its value, counted from 1; a table's value is its header."""

    key: tuple[int, int]
    value: tuple[int, int]


class _RefusedError(Exception):
    """No TOML stands here; cannot happen in a text that ``tomllib`` has accepted."""


@dataclass(slots=True)
class _Open:
    """An array or inline table that the scanner is in."""

    path: Path
    array: bool
    at: int
    count: int = 0


@dataclass(slots=True)
class _Scanner:
    text: str
    line_starts: list[int]
    places: dict[Path, Place] = field(default_factory=dict)
    table: Path = ()
    counts: dict[Path, int] = field(default_factory=dict)
    at: int = 0
    last_key: tuple[Path, int] = ((), 0)
    stack: list[_Open] = field(default_factory=list)

    def run(self) -> None:
        while True:
            self.skip(_BLANK_LINES)
            if self.at >= len(self.text):
                return
            if self.text[self.at] == "[":
                self.header()
            else:
                path, key_at = self.key(self.table)
                self.value(path, key_at)

    def header(self) -> None:
        of_array = self.text.startswith("[[", self.at)
        self.at += 2 if of_array else 1
        self.skip(_BLANK)
        start = self.at
        parts = self.parts()
        path: Path = ()
        for index, (part, at) in enumerate(parts):
            path = (*path, part)
            last = index == len(parts) - 1
            self.note(path, at, at)
            self.last_key = (path, start)
            if last and of_array:
                number = self.counts.get(path, 0)
                self.counts[path] = number + 1
                path = (*path, number)
                self.places[path] = Place(self.spot(start), self.spot(start))
            elif path in self.counts:
                path = (*path, self.counts[path] - 1)
        self.table = path
        self.at += 2 if of_array else 1

    def key(self, base: Path) -> tuple[Path, int]:
        """Read ``a.b.c =``; note the tables on the way; answer the full path and where its last part stands."""
        parts = self.parts()
        path = base
        for part, at in parts[:-1]:
            path = (*path, part)
            self.note(path, at, at)
        self.last_key = ((*path, parts[-1][0]), parts[0][1])
        self.at += 1  # the equals sign
        self.skip(_BLANK_LINES)
        return (*path, parts[-1][0]), parts[-1][1]

    def parts(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        while True:
            self.skip(_BLANK_LINES)
            start = self.at
            if match := _BARE_KEY.match(self.text, start):
                name = match[0]
            else:
                match = _STRING.match(self.text, start)
                if match is None:
                    raise _RefusedError
                name = tomllib.loads(f"k={match[0]}")["k"]
            found.append((name, start))
            self.at = match.end()
            self.skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return found
            self.at += 1

    def value(self, path: Path, key_at: int) -> None:
        """Read one value, with everything inside it."""
        self.one(path, key_at)
        while self.stack:
            inner = self.stack[-1]
            self.skip(_BLANK_LINES)
            char = self.text[self.at]
            if char == ",":
                self.at += 1
            elif char in "]}":
                self.at += 1
                self.stack.pop()
            elif inner.array:
                element = (*inner.path, inner.count)
                inner.count += 1
                self.one(element, self.at)
            else:
                self.one(*self.key(inner.path))

    def one(self, path: Path, key_at: int) -> None:
        self.note(path, key_at, self.at)
        char = self.text[self.at]
        if char in "[{":
            self.stack.append(_Open(path, char == "[", self.at))
            self.at += 1
            return
        match = (_STRING if char in "\"'" else _SCALAR).match(self.text, self.at)
        if match is None:
            raise _RefusedError
        self.at = match.end()

    def skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()

    def note(self, path: Path, key_at: int, value_at: int) -> None:
        """Keep the first place of a path: a table is where it is first named."""
        if path not in self.places:
            self.places[path] = Place(self.spot(key_at), self.spot(value_at))

    def spot(self, at: int) -> tuple[int, int]:
        line = bisect_right(self.line_starts, at)
        return line, at - self.line_starts[line - 1] + 1


def locate(text: str) -> Mapping[Path, Place]:
    """The place of every key, table and array element.

    :param text: TOML that ``tomllib.loads`` has accepted, with ``\n`` line ends.
    """
    scanner = _scanner(text)
    scanner.run()
    return scanner.places


@dataclass(frozen=True, slots=True)
class Halt:
    """How far a text is TOML, for placing a syntax error better than where its reader gave up.

    ``key`` is where the last key begins and ``first`` where the same key stood before, if it did; ``opened`` is
    the innermost bracket, or the string, that is still open. All are line and column, counted from 1.
    """

    key: tuple[int, int]
    first: tuple[int, int] | None
    opened: tuple[int, int] | None


def halt(text: str, until: int) -> Halt:
    """Walk a text that ``tomllib`` has refused.

    :param until: the character at which it gave up.
    """
    scanner = _scanner(text[:until])
    with contextlib.suppress(_RefusedError, IndexError, tomllib.TOMLDecodeError):
        scanner.run()
    path, at = scanner.last_key
    known = scanner.places.get(path)
    first = known.key if known and known.key < scanner.spot(at) else None
    if scanner.stack:
        opened: tuple[int, int] | None = scanner.spot(scanner.stack[-1].at)
    else:
        opened = scanner.spot(scanner.at) if scanner.text[scanner.at : scanner.at + 1] in {'"', "'"} else None
    return Halt(scanner.spot(at), first, opened)


def _scanner(text: str) -> _Scanner:
    return _Scanner(text, [0, *(match.end() for match in re.finditer("\n", text))])
