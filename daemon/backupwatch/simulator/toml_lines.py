"""Where in a TOML text a key stands, for error messages. tomllib keeps no positions, so we look again."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r'"([^"]*)"|\'([^\']*)\'|([\w-]+)')


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line (from 1) of the key at ``path``, or of the innermost table around it that stands in the text.

    :param path: names and list indices as pydantic gives them, e.g. ``("phone", 1, "at", 0, "battery")``.
    """
    wanted = tuple(path)
    best, best_length = 1, 0
    here: tuple[str | int, ...] = ()
    seen: dict[tuple[str | int, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            here = _table(_names(header[2]), seen, new=header[1] == "[[")
            found = here
        elif key := _KEY.match(line):
            found = (*here, *_names(key[1]))
        else:
            continue
        if found == wanted[: len(found)] and len(found) > best_length:
            best, best_length = number, len(found)
    return best


def _names(dotted: str) -> list[str]:
    return [next(group for group in match.groups() if group is not None) for match in _PART.finditer(dotted)]


def _table(names: list[str], seen: dict[tuple[str | int, ...], int], *, new: bool) -> tuple[str | int, ...]:
    """The path of a table header; in arrays of tables the newest element counts, a ``[[header]]`` adds one."""
    path: tuple[str | int, ...] = ()
    for position, name in enumerate(names):
        path = (*path, name)
        if new and position == len(names) - 1:
            seen[path] = seen.get(path, -1) + 1
        if path in seen:
            path = (*path, seen[path])
    return path
