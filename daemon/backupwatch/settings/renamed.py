"""Old names of keys, which keep working with a warning for two minor versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from backupwatch.settings import model
from backupwatch.settings.keys import DEVICE, tables
from backupwatch.settings.locate import Path as KeyPath
from backupwatch.settings.locate import Place
from backupwatch.settings.syntax import Parsed
from backupwatch.text import plain


def with_new_names(parsed: Parsed) -> tuple[Parsed, list[str]]:
    """The same file with every old name replaced by the new one, and a warning for each.

    A file that has both names keeps the new one, and the old one becomes a mistake.
    """
    warnings: list[str] = []
    for old, new in model.RENAMED.items():
        parsed = _one(parsed, old, new, warnings)
    return parsed, warnings


def _one(parsed: Parsed, old: str, new: str, warnings: list[str]) -> Parsed:
    data = {name: _copy(content) for name, content in parsed.data.items()}
    places, problems = dict(parsed.places), list(parsed.problems)
    for old_path, new_path in _pairs(data, old, new):
        table = _table(data, old_path)
        value = table.pop(str(old_path[-1]))
        place = places.get(old_path, Place((1, 1), (1, 1)))
        if not table and old_path[0] not in tables():
            del data[str(old_path[0])]  # nobody knows the old table itself any more
        target = _table(data, new_path)
        if new_path[-1] in target:
            problems.append(
                parsed.source.problem(
                    *place.key,
                    f"the old name of {new}, which stands here too",
                    key=old,
                    suggestion="Remove this line.",
                )
            )
            continue
        target[str(new_path[-1])] = value
        for path in [path for path in places if path[: len(old_path)] == old_path]:
            places[(*new_path, *path[len(old_path) :])] = places[path]
        warnings.append(
            f"{plain(parsed.source.file, 400)}:{place.key[0]}: {old} is now called {new}; "
            "the old name will stop working two minor versions after the change."
        )
    return replace(parsed, data=data, places=places, problems=tuple(problems))


def _pairs(data: dict[str, Any], old: str, new: str) -> Iterator[tuple[KeyPath, KeyPath]]:
    """Where the old name stands, and where its value goes; one pair for each phone that has it."""
    old_table, _, old_name = old.partition(".")
    new_table, _, new_name = new.partition(".")
    content = data.get(old_table)
    if old_table == DEVICE and isinstance(content, list):
        for index, entry in enumerate(content):
            if isinstance(entry, dict) and old_name in entry:
                yield (DEVICE, index, old_name), (DEVICE, index, new_name)
    elif isinstance(content, dict) and old_name in content and isinstance(data.get(new_table, {}), dict):
        yield (old_table, old_name), (new_table, new_name)


def _table(data: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    content = data.setdefault(str(path[0]), {})
    table: dict[str, Any] = content[path[1]] if len(path) == 3 else content
    return table


def _copy(content: Any) -> Any:
    if isinstance(content, list):
        return [dict(entry) if isinstance(entry, dict) else entry for entry in content]
    return dict(content) if isinstance(content, dict) else content
