"""What can be wrong with a configuration, and how it is told; free of pydantic, for the daemon keeps this resident."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backupwatch.errors import ConfigError
from backupwatch.settings.values import Config
from backupwatch.text import plain

_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})  # Unicode categories: combining marks, joiners
_WIDEST_LINE = 100
"""Columns of a quoted line; a longer one is shown around the caret only."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an effective value stands: a file and a line counted from 1."""

    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one file.

    ``line`` and ``column`` count from 1, columns in characters as editors do (a tab is one character); both are
    0 when the mistake is the file's as a whole. Every text has passed :mod:`backupwatch.text`, except
    ``source_line``, which is made safe when it is shown.
    """

    file: Path
    line: int
    column: int
    key: str
    message: str
    found: str = ""
    allowed: str = ""
    suggestion: str = ""
    source_line: str = ""

    def place(self) -> str:
        """``/home/anna/.config/backupwatch/config.toml:3:1``, which terminals and editors can jump to."""
        where = plain(self.file, 400)
        return f"{where}:{self.line}:{self.column}" if self.line else where

    def sentence(self) -> str:
        """Everything but the place and the quoted line, as one line."""
        parts = [f"{self.key}: {self.message}" if self.key else self.message]
        if self.found:
            parts.append(f"found {self.found}")
        if self.allowed:
            parts.append(f"allowed: {self.allowed}")
        joined = "; ".join(parts)
        return f"{joined}. {self.suggestion}" if self.suggestion else joined

    def brief(self) -> str:
        """For a notification: ``config.toml, line 3: freshness.stale_afer: unknown key. Did you mean stale_after?``."""
        line = f", line {self.line}" if self.line else ""
        parts = (f"{plain(self.file.name)}{line}", self.key, self.message)
        told = ": ".join(part for part in parts if part)
        return f"{told}. {self.suggestion}" if self.suggestion else told

    def lines(self) -> list[str]:
        """The mistake as a person reads it in a terminal: place, reason, the line with a caret, the way out."""
        told = [f"{self.place()}: {self.key}: {self.message}" if self.key else f"{self.place()}: {self.message}"]
        if self.line and self.source_line.strip():
            quoted, caret = _quote(self.source_line, self.column)
            number = f"{self.line:>5}"
            told += [f"{number} | {quoted}", f"{' ' * len(number)} | {caret}"]
        for label, text in (("found", self.found), ("allowed", self.allowed), ("hint", self.suggestion)):
            if text:
                told.append(f"  {label + ':':<9} {text}")
        return told


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that may be used, and how it came about.

    ``origins`` holds the keys that stand in a file, such as ``freshness.stale_after`` or ``device.<udid>.name``
    (UDID as :func:`~backupwatch.settings.values.same_device` writes it); every other key has its default.
    ``files`` are the files that were read, in the order in which they were laid over each other.
    """

    config: Config
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...]
    files: tuple[Path, ...]


class InvalidConfigError(ConfigError):
    """The files hold mistakes; ``problems`` has all of them, in the order of files and lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Tell the first mistake in one line and count the others.

        :param problems: at least one.
        """
        self.problems = tuple(problems)
        first, others = self.problems[0], len(self.problems) - 1
        more = f" (and {others} more mistake{'s' if others > 1 else ''})" if others else ""
        super().__init__(
            f"{first.place()}: {first.sentence().rstrip('.')}{more}",
            # A mistake of the file as a whole (it is a folder, it is not there) says itself what to do.
            fix="Correct the file; `backupwatch config check` shows every mistake with its line"
            if first.line or others or not first.suggestion
            else "",
        )

    def brief(self) -> str:
        """The first mistake for a notification, and how many others there are."""
        others = len(self.problems) - 1
        more = f" ({others} more mistake{'s' if others > 1 else ''})" if others else ""
        return self.problems[0].brief() + more

    def report(self) -> str:
        """Every mistake with its quoted line, ready for a terminal."""
        return "\n".join("\n".join(problem.lines()) for problem in self.problems)


def loaded_to_json(loaded: Loaded) -> dict[str, Any]:
    """For a process that hands its result to the daemon."""
    return {
        "config": loaded.config.to_json(),
        "origins": {key: {"file": str(origin.file), "line": origin.line} for key, origin in loaded.origins.items()},
        "warnings": list(loaded.warnings),
        "files": [str(file) for file in loaded.files],
    }


def loaded_from_json(document: dict[str, Any]) -> Loaded:
    """The inverse of :func:`loaded_to_json`.

    :raises ValueError: the document is something else.
    """
    try:
        return Loaded(
            config=Config.from_json(document["config"]),
            origins={
                key: Origin(Path(origin["file"]), int(origin["line"])) for key, origin in document["origins"].items()
            },
            warnings=tuple(str(warning) for warning in document["warnings"]),
            files=tuple(Path(file) for file in document["files"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a loaded configuration ({type(error).__name__})") from None


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Every field, the file as a string."""
    return {**dataclasses.asdict(problem), "file": str(problem.file)}


def problem_from_json(document: dict[str, Any]) -> Problem:
    """The inverse of :func:`problem_to_json`.

    :raises ValueError: the document is something else.
    """
    try:
        return Problem(**{**document, "file": Path(document["file"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a problem ({type(error).__name__})") from None


def _quote(line: str, column: int) -> tuple[str, str]:
    """The line made safe and the caret under its column, whatever tabs, wide or combining characters it holds.

    Both are built character by character, because :func:`~backupwatch.text.plain` would fold the white space
    that the caret has to count.
    """
    begin = max(0, min(column - 1, len(line)) - _WIDEST_LINE * 2 // 3) if len(line) > _WIDEST_LINE else 0
    shown = line[begin : begin + _WIDEST_LINE]
    safe = [_visible(char) for char in shown]
    padding = sum(_columns(text) for text in safe[: max(0, column - 1 - begin)])
    lead, tail = "…" if begin else "", "…" if begin + _WIDEST_LINE < len(line) else ""
    return f"{lead}{''.join(safe)}{tail}".rstrip(), " " * (padding + len(lead)) + "^"


def _visible(char: str) -> str:
    if char == "\t":
        return "    "
    if char == " ":
        return char
    # What the gate drops is shown as the replacement sign, so that every character still has its place.
    return plain(char) or "\ufffd"


def _columns(text: str) -> int:
    return sum(
        0 if unicodedata.category(char) in _NO_WIDTH else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
