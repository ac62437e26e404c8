"""From text to TOML data with places; every syntax error at once where that is possible."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backupwatch.settings.hints import hint
from backupwatch.settings.locate import Path, Place, halt, locate
from backupwatch.settings.problems import Problem
from backupwatch.settings.reading import Source
from backupwatch.text import plain

_MOST_ERRORS = 50
_DEEPEST = 50
_MOST_DOTS = 64
_LONGEST_LINE = 500
"""Characters of a line that is worth reading on after; the pattern's time grows with the square of the blanks."""
_GAVE_UP_AT = re.compile(r"(.*) \((?:at line (\d+), column (\d+)|at end of document)\)", re.DOTALL)
# One key with a value that neither opens nor continues anything: such a line can be left out and the rest read on.
_ONE_LINER = re.compile(r"[ \t]*([A-Za-z0-9_\"'. -]+?)[ \t]*(?:=(?!.*(?:\"\"\"|'''|[\[\]{}])).*)?")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file's data, the places of its parts, and the keys of the lines that could not be read."""

    source: Source
    data: dict[str, Any]
    places: Mapping[Path, Place]
    problems: tuple[Problem, ...] = ()
    unread: frozenset[str] = frozenset()
    complete: bool = True


def parse(source: Source) -> Parsed:
    """Read TOML; a broken line of its own is left out, so that the rest can be checked too.

    ``complete`` is false when what follows a mistake could not be told apart; then there is no data.
    """
    problems = _hostile(source)
    if problems:
        return Parsed(source, {}, {}, tuple(problems), complete=False)
    unread: set[str] = set()
    lines = source.text.split("\n")
    while len(problems) < _MOST_ERRORS:
        text = "\n".join(lines)
        try:
            data = tomllib.loads(text)
            return Parsed(source, data, locate(text), tuple(problems), frozenset(unread))
        except tomllib.TOMLDecodeError as error:
            problem, gave_up = _explain(source, text, str(error))
        except RecursionError:
            problem, gave_up = _too_deep(source, text), 0
        except ValueError:  # int() refuses more than 4300 digits, and tomllib lets that through
            problem, gave_up = _too_long_a_number(source, text), 0
        problems.append(problem)
        broken = _ONE_LINER.fullmatch(lines[gave_up - 1][:_LONGEST_LINE]) if gave_up else None
        if broken is None or not lines[gave_up - 1].strip() or len(lines[gave_up - 1]) > _LONGEST_LINE:
            break
        unread.add(broken[1].strip("\"' ").rpartition(".")[2])
        lines[gave_up - 1] = ""
    return Parsed(source, {}, {}, tuple(problems), frozenset(unread), complete=False)


def _explain(source: Source, text: str, error: str) -> tuple[Problem, int]:
    """The mistake, and the line to leave out."""
    match = _GAVE_UP_AT.fullmatch(error)
    said, at_line, at_column = match.groups() if match else (error, None, None)
    lines = text.split("\n")
    line = int(at_line) if at_line else len(lines)
    column = int(at_column) if at_column else len(lines[-1]) + 1
    offset = sum(len(earlier) + 1 for earlier in lines[: line - 1]) + column - 1
    where = halt(text, offset)
    lowered = said.lower()
    message, suggestion = said, ""
    if re.search(r"overwrite|twice|duplicate|mutate|redefine", lowered):
        line, column = where.key
        message = "this key or table stands here for the second time"
        suggestion = f"It first stands on line {where.first[0]}; keep one of them." if where.first else ""
    elif where.opened and (at_line is None or ("unclosed" in lowered and _begins_anew(lines[line - 1], column))):
        line, column = where.opened
        opened = lines[line - 1][column - 1 :]
        partner = opened[:3] if opened[:3] in {'"""', "'''"} else {"[": "]", "{": "}"}.get(opened[0], opened[0])
        message = f"what opens here is never closed: {partner} is missing"
    elif "unclosed" in lowered:
        message = "here a comma or the closing bracket is missing"
        if re.match(r"[A-Za-z]", lines[line - 1][column - 1 :]):
            suggestion = "Text stands in quotes."
    elif where.opened and where.opened[0] == line and re.search(r"illegal character '\\n'", lowered):
        line, column = where.opened
        message = f"the text that begins here has no closing {lines[line - 1][column - 1]}"
    else:
        suggestion = hint(lines[line - 1] if line <= len(lines) else "")
    return source.problem(line, column, f"this is not TOML: {_soft(plain(message, 160))}", suggestion=suggestion), line


def _begins_anew(line: str, column: int) -> bool:
    """Whether a header or a key stands where a list should go on: then its end was forgotten further up."""
    return (
        not line[: column - 1].strip()
        and re.match(r"\[+[ \t]*[\w\"']|[\w.-]{1,100}[ \t]*=", line[column - 1 :]) is not None
    )


def _soft(message: str) -> str:
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _hostile(source: Source) -> list[Problem]:
    """Lines on which a TOML reader would work for minutes: its time grows with the square of a key's parts."""
    return [
        source.problem(number, 1, "this line holds far too many dots for a key")
        for number, line in enumerate(source.text.split("\n"), 1)
        if line.count(".") > _MOST_DOTS and line.partition("#")[0].count(".") > _MOST_DOTS
    ][:1]


def _too_deep(source: Source, text: str) -> Problem:
    depth = 0
    for at, char in enumerate(text):
        depth += (char in "[{") - (char in "]}")
        if depth > _DEEPEST:
            return _at(source, text, at, "this is nested far too deeply")
    return source.problem(0, 0, "this is nested far too deeply")


def _too_long_a_number(source: Source, text: str) -> Problem:
    match = re.search(r"[0-9_]{1000,}", text)
    return _at(source, text, match.start() if match else 0, "this number is far too long")


def _at(source: Source, text: str, at: int, message: str) -> Problem:
    return source.problem(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at), message)
