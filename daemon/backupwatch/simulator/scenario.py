"""Reading stories from TOML. What is wrong with one is said in one line: file, line, key, and what is wrong."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from backupwatch.errors import ConfigError
from backupwatch.settings.locate import locate
from backupwatch.simulator.script import PhoneState, Scenario, When
from backupwatch.simulator.world import udids_of
from backupwatch.text import plain

__all__ = ["Scenario", "find", "line_of", "load", "parse", "shipped"]

KeyPath = tuple[str | int, ...]

_UDID = re.compile(r"[0-9A-Fa-f]+(-[0-9A-Fa-f]+)?")
_LINE = 300
"""Characters of an error that are shown."""


def load(path: Path) -> Scenario:
    """Read one story.

    :raises ConfigError: the file cannot be read or says something wrong; one line with file, line and key.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{plain(str(path), _LINE)}: the scenario cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{plain(str(path), _LINE)}: the scenario is not UTF-8 text") from error
    return parse(text, str(path))


def parse(text: str, file: str) -> Scenario:
    """Read one story from TOML text.

    :param file: only named in errors.
    :raises ConfigError: as for :func:`load`.
    """
    try:
        scenario = Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), .*\)$", str(error))
        where = f"{file}:{match[1]}" if match else file
        raise ConfigError(plain(f"{where}: not TOML: {str(error).split(' (at ')[0]}", _LINE)) from error
    except ValidationError as error:
        raise _mistake(text, file, *_first(error)) from error
    for path, what in _deeper_mistakes(scenario):
        raise _mistake(text, file, path, what)
    return scenario


def shipped() -> dict[str, Path]:
    """The stories that come with the program: name without ``.toml`` -> file, in alphabetical order."""
    folder = Path(str(resources.files("backupwatch.simulator") / "scenarios"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find(name: str) -> Scenario:
    """A shipped story by name, or any story by the path of its file.

    :raises ConfigError: there is none, or it cannot be used.
    """
    stories = shipped()
    if name in stories:
        return load(stories[name])
    if name.endswith(".toml") or "/" in name:
        return load(Path(name))
    near = difflib.get_close_matches(name, stories, n=1, cutoff=0.7)
    hint = f"Did you mean {near[0]}? " if near else ""
    fix = f"{hint}The list: backupwatch demo --list"
    raise ConfigError(f"There is no scenario called {plain(name, 60)!r}", fix=fix)


def _mistake(text: str, file: str, path: KeyPath, what: str) -> ConfigError:
    key = ".".join(str(part) for part in path)
    return ConfigError(plain(f"{file}:{line_of(text, path)}: {key}: {what}", _LINE))


def line_of(text: str, path: KeyPath) -> int:
    """The line of a key, or of the innermost table around it that stands in the text."""
    places = locate(text.replace("\r\n", "\n"))
    for length in range(len(path), 0, -1):
        if (place := places.get(path[:length])) is not None:
            return place.key[0]
    return 1


def _first(error: ValidationError, base: KeyPath = ()) -> tuple[KeyPath, str]:
    """Where and what the first complaint is."""
    first = error.errors(include_url=False)[0]
    path = tuple(part for part in first["loc"] if part not in ("str", "list[str]"))
    what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return (*base, *path), f"{what[:1].lower()}{what[1:]}"


def _deeper_mistakes(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    """What the models cannot see by themselves."""
    for index, phone in enumerate(scenario.phone):
        spots: list[tuple[KeyPath, PhoneState]] = [(("phone", index), phone)]
        spots += [(("phone", index, "at", number), event) for number, event in enumerate(phone.at)]
        for place, state in spots:
            yield from _validate(PhoneState, state.nights, (*place, "nights"))
            yield from _validate(PhoneState, state.days, (*place, "days"))
    changes = scenario.account.get("at", [])
    if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
        yield ("account", "at"), "must be a list of tables"
        return
    for number, change in enumerate(changes):
        when = {key: value for key, value in change.items() if key in When.model_fields}
        yield from _validate(When, when, ("account", "at", number))
    yield from _bad_udids(scenario)


def _validate(model: type[BaseModel], table: Mapping[str, Any], base: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    try:
        model.model_validate(table)
    except ValidationError as error:
        yield _first(error, base)


def _bad_udids(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    seen: set[str] = set()
    for index, phone in enumerate(scenario.phone):
        path: KeyPath = ("phone", index, "udid")
        try:
            udids = udids_of(phone)
        except (ValueError, KeyError, IndexError):
            yield path, "the number is written {n} or {n:02} or {n:04x}"
            return
        for udid in udids:
            if not _UDID.fullmatch(udid):
                yield path, "must be hexadecimal digits with at most one dash"
            if udid.upper() in seen:
                yield path, "is taken by another phone; with count, write the number into it as {n:04x}"
            seen.add(udid.upper())
