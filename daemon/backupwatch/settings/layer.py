"""One file held against the model: the model's refusals in our words, each at its place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from backupwatch import __version__
from backupwatch.settings import model
from backupwatch.settings.keys import DEVICE, all_keys, keys_of, tables
from backupwatch.settings.locate import Path as KeyPath
from backupwatch.settings.locate import Place
from backupwatch.settings.problems import Problem
from backupwatch.settings.reading import Source
from backupwatch.settings.renamed import with_new_names
from backupwatch.settings.syntax import Parsed
from backupwatch.settings.values import same_device
from backupwatch.text import plain

_TRUTH_WORDS = dict.fromkeys(("true", "yes", "on", "1"), "true") | dict.fromkeys(("false", "no", "off", "0"), "false")

_MESSAGES = {  # by pydantic's error types
    "model_type": "this is a table of its own",
    "tuple_type": "this is a list, in brackets",
    "bool_type": "this is a switch, without quotes",
    "literal_error": "none of the words that may stand here",
    "too_long": "too many entries in this list",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One file after its own check: ``data`` has only what may be used, ``spoilt`` names the keys that may not.

    ``spoilt`` holds the names alone, without their tables: a slip that hangs on one of them is not judged.
    """

    source: Source
    data: dict[str, Any]
    places: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    spoilt: frozenset[str]


def check(parsed: Parsed) -> Layer:
    """Hold one file against the model, without regard to the other files."""
    if not parsed.complete:
        return Layer(parsed.source, {}, {}, parsed.problems, parsed.source.warnings, frozenset({*parsed.unread, "*"}))
    parsed, warnings = with_new_names(parsed)
    data, places, problems = parsed.data, parsed.places, list(parsed.problems)
    spoilt = set(parsed.unread)
    try:
        model.ConfigModel.model_validate(data)
    except ValidationError as refused:
        for error in refused.errors(include_url=False, include_context=True):
            path = tuple(error["loc"])
            if error["type"] == "missing" and path[-1] in parsed.unread:
                continue
            problems.append(_problem(parsed.source, places, path, error))
            spoilt.update(str(part) for part in path if isinstance(part, str))
        data = _without(data, [tuple(error["loc"]) for error in refused.errors(include_input=False)])
    problems += _twice(parsed.source, places, data)
    return Layer(
        parsed.source,
        data,
        places,
        tuple(problems),
        (*parsed.source.warnings, *warnings),
        frozenset(spoilt),
    )


def dotted(path: KeyPath) -> str:
    """``alerts.remind_after[1]``, ``device[0].name``: as a person would point at it; indexes count from 0."""
    told = ""
    for part in path:
        told += f"[{part}]" if isinstance(part, int) else f".{plain(part, 60)}" if told else plain(part, 60)
    return told


def _problem(source: Source, places: Mapping[KeyPath, Place], path: KeyPath, error: ErrorDetails) -> Problem:
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        line, column = _place(places, path).key
        known = list(keys_of(str(path[0]))) if len(path) > 1 else list(tables())
        return source.problem(
            line,
            column,
            "unknown table" if isinstance(value, dict) else "unknown key",
            key=dotted(path),
            allowed=", ".join(known),
            suggestion=did_you_mean(path, value),
        )
    if kind == "missing":
        line, column = _place(places, path[:-1]).key
        return source.problem(
            line,
            column,
            f"{path[-1]} is missing in this table",
            key=dotted(path),
            allowed=_allowed(path),
            suggestion="`backupwatch devices` shows the UDID of each phone.",
        )
    line, column = _place(places, path).value
    return source.problem(
        line,
        column,
        _message(path, error),
        key=dotted(path),
        found=found(value),
        allowed=_allowed(path),
        suggestion=_way_out(path, value),
    )


def _place(places: Mapping[KeyPath, Place], path: KeyPath) -> Place:
    """Where the path stands, or else the nearest thing around it."""
    while path and path not in places:
        path = path[:-1]
    return places.get(path, Place((1, 1), (1, 1)))


def _message(path: KeyPath, error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "ours":
        return error["msg"]
    if kind == "tuple_type" and path == (DEVICE,):
        return "this is a table that may be repeated"
    return _MESSAGES.get(kind, plain(error["msg"], 120))


def found(value: object) -> str:
    """What stands there, short and safe, in TOML's own words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{plain(value, 60)}"'
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return plain(value, 60)


def _allowed(path: KeyPath) -> str:
    if len(path) == 1 or (path[0] == DEVICE and len(path) == 2):
        name = str(path[0])
        return f"[[{name}]]" if name == DEVICE else f"[{name}] with: {', '.join(keys_of(name))}"
    name = next(part for part in path[1:] if isinstance(part, str))
    return keys_of(str(path[0]))[name].allowed


def _way_out(path: KeyPath, value: object) -> str:
    if path == (DEVICE,) and isinstance(value, dict):
        return "Write the header with two brackets: [[device]]."
    if len(path) == 1:
        return f"Write [{path[0]}] on a line of its own and its keys below."
    allowed, name = _allowed(path), path[-1]
    meant = ""
    if allowed == "true or false":
        if (word := _TRUTH_WORDS.get(str(value).lower())) is not None:
            meant = f"Did you mean {word}, without quotes?"
    elif isinstance(value, int) and not isinstance(value, bool) and "36h" in allowed:
        meant = f'Did you mean "{value}d" (days) or "{value}h" (hours)?'
    elif name == "counts" and isinstance(value, str):
        close = difflib.get_close_matches(value.lower(), ["any", "icloud", "local", "both"], 1, 0.5)
        meant = f'Did you mean "{close[0]}"?' if close else ""
    elif name in {"remind_after", "folders"} and isinstance(value, str):
        meant = f'Put it in brackets: ["{plain(value, 60)}"].'
    elif name == "quiet_hours" and value is False:
        meant = 'For no quiet hours write "".'
    return meant


def did_you_mean(path: KeyPath, value: object) -> str:
    """A sentence about the nearest known name, in this table or another, or about newer versions.

    :param path: ``(table,)`` or ``(table, …, key)``, whose last part is unknown.
    :param value: what stands there; a table is not looked for among the keys.
    """
    wrong = str(path[-1]).lower().replace("-", "_").replace(" ", "_")
    own = list(keys_of(str(path[0]))) if len(path) > 1 else list(tables())
    if len(path) == 1 and wrong == "devices":
        return "Did you mean [[device]]?"
    if close := difflib.get_close_matches(wrong, own, 1, 0.6):
        name = close[0]
        if len(path) > 1:
            return f"Did you mean {name}?"
        return f"Did you mean {f'[[{name}]]' if name == DEVICE else f'[{name}]'}?"
    elsewhere = {key.name: key.table for key in reversed(all_keys()) if key.table != DEVICE}
    if not isinstance(value, dict) and (close := difflib.get_close_matches(wrong, list(elsewhere), 1, 0.75)):
        return f"Did you mean {close[0]} in the table [{elsewhere[close[0]]}]?"
    return (
        f"This is backupwatch {__version__}; if the name comes from a newer version, update backupwatch,"
        " else remove it."
    )


def _without(data: dict[str, Any], paths: list[KeyPath]) -> dict[str, Any]:
    """The data without the keys at fault; a device without a usable UDID goes as a whole."""
    kept: dict[str, Any] = {name: dict(table) if isinstance(table, dict) else table for name, table in data.items()}
    if isinstance(kept.get(DEVICE), list):
        kept[DEVICE] = [dict(entry) if isinstance(entry, dict) else None for entry in kept[DEVICE]]
    for path in paths:
        if len(path) == 1:
            kept.pop(str(path[0]), None)
        elif path[0] != DEVICE:
            kept[str(path[0])].pop(path[1], None)
        elif len(path) == 2 or path[2] == "udid":
            kept[DEVICE][path[1]] = None
        elif kept[DEVICE][path[1]] is not None:
            kept[DEVICE][path[1]].pop(path[2], None)
    return kept


def _twice(source: Source, places: Mapping[KeyPath, Place], data: dict[str, Any]) -> list[Problem]:
    first: dict[str, int] = {}
    problems: list[Problem] = []
    for index, entry in enumerate(data.get(DEVICE, ())):
        if entry is None:
            continue
        path: KeyPath = (DEVICE, index, "udid")
        line, column = _place(places, path).value
        udid = same_device(entry["udid"])
        if udid in first:
            problems.append(
                source.problem(
                    line,
                    column,
                    "a second table for the same phone",
                    key=dotted(path),
                    found=found(entry["udid"]),
                    suggestion=f"The first one has it on line {first[udid]}; put everything about it into one table.",
                )
            )
        first.setdefault(udid, line)
    return problems
