"""The files that are made from the model: ``config/default.toml``, ``config/schema.json`` and the README's table.

``python -m backupwatch.settings.render`` writes them into a checkout; with ``--check`` it only compares, and exits 1
when one of them is out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backupwatch.settings.keys import DEVICE, Key, keys_of, tables
from backupwatch.settings.model import ConfigModel
from backupwatch.settings.toml_out import toml_value
from backupwatch.text import plain

TABLE_BEGINS = "<!-- config table: generated -->"
TABLE_ENDS = "<!-- /config table -->"

_WIDTH = 100
_HEAD = """\
#:schema ./schema.json

# backupwatch: tells you when your iPhone stopped backing up, why, and what to tap.
#
# Every key is optional. A line such as #stale_after = "3d" shows what holds without it: take the #
# away and change the value. Text after "# " explains. `backupwatch config check` finds mistakes,
# `backupwatch config edit` opens this file and checks it, and a running daemon takes a change over
# within seconds.
#
# A length of time is text like "90m", "36h", "3d", "2w" or "1w 2d" (ISO 8601 too: "P3D", "PT36H").
"""


def default_toml(*, devices: Sequence[tuple[str, str]] = (), apple_id: str = "") -> str:
    """The commented file in which every key is shown with its default.

    :param devices: UDID and own name of phones that shall stand in it already.
    :param apple_id: the account that shall stand in it already; empty for none.
    """
    parts = [_HEAD]
    for name, table in tables().items():
        heading = "\n".join(_comment((table.__doc__ or "").strip()))
        if name == DEVICE:
            parts.append(_device_tables(heading, devices))
            continue
        lines = [heading, f"[{name}]"]
        for key in keys_of(name).values():
            shown = f"{key.name} = {toml_value(key.default)}"
            if key.dotted == "account.apple_id" and apple_id:
                shown = f"{key.name} = {toml_value(apple_id)}"
            else:
                shown = f"#{shown}"
            lines += [*_explained(key), shown, ""]
        parts.append("\n".join(lines))
    return "\n".join(parts).rstrip("\n") + "\n"


def _device_tables(heading: str, devices: Sequence[tuple[str, str]]) -> str:
    """The explained example, or the known phones with every other key left to be filled in."""
    blocks: list[str] = []
    for number, (udid, own_name) in enumerate(devices or [("", "")]):
        known = bool(devices)
        lines = [f"{'' if known else '#'}[[{DEVICE}]]"]
        for key in keys_of(DEVICE).values():
            lines += _explained(key) if number == 0 else []
            if key.required and known:
                shown = f"{key.name} = {toml_value(udid)}"
                lines.append(f"{shown}  # {plain(own_name)}" if plain(own_name) else shown)
            else:
                example = key.example if key.default in (None, "") else toml_value(key.default)
                lines.append(f"#{key.name} = {example}")
            lines += [""] if number == 0 else []
        blocks.append("\n".join(lines).rstrip("\n") + "\n")
    return f"{heading}\n" + "\n".join(blocks)


def _explained(key: Key) -> list[str]:
    lines = _comment(key.description)
    if key.unit:
        lines += _comment(f"{key.unit[0].upper()}{key.unit[1:]}. For instance {key.example}.")
    elif key.allowed != "true or false":
        lines += _comment(f"{key.allowed[0].upper()}{key.allowed[1:]}. For instance {key.example}.")
    return lines


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def schema() -> dict[str, Any]:
    """The file's JSON schema, for editors. Draft 7 without references, which every one of them understands.

    It takes whatever the program takes; what only shows when keys are read together it cannot know.
    """
    properties: dict[str, Any] = {}
    for name in tables():
        table = _table_schema(name)
        properties[name] = {"type": "array", "items": table} if name == DEVICE else table
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "backupwatch config.toml",
        "description": (ConfigModel.__doc__ or "").strip(),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _table_schema(name: str) -> dict[str, Any]:
    table = tables()[name]
    raw = table.model_json_schema()
    properties: dict[str, Any] = {}
    for key in keys_of(name).values():
        found = dict(raw["properties"][key.name])
        # TOML has no null: an optional key is one that is left out.
        kinds = [kind for kind in found.pop("anyOf", []) if kind.get("type") != "null"]
        for kind in kinds:
            found.update(kind)
        for noise in ("title", "default", "x-allowed", "x-example", "x-unit"):
            found.pop(noise, None)
        found["description"] = f"{key.description} Allowed: {key.allowed}."
        if key.default is not None:
            found["default"] = key.default
        found["examples"] = [tomllib.loads(f"k = {key.example}")["k"]]
        properties[key.name] = found
    told: dict[str, Any] = {
        "type": "object",
        "description": (table.__doc__ or "").strip(),
        "additionalProperties": False,
        "properties": properties,
    }
    if required := [key.name for key in keys_of(name).values() if key.required]:
        told["required"] = required
    return told


def readme_table() -> str:
    """Every key, its default and its meaning, as a table in Markdown."""
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]
    for name in tables():
        for key in keys_of(name).values():
            header = f"[[{name}]]" if name == DEVICE else f"[{name}]"
            default = "" if key.default is None else f"`{toml_value(key.default)}`"
            meaning = key.description.replace("|", "\\|")
            lines.append(f"| `{header}` `{key.name}` | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def with_table(readme: str) -> str:
    """The README with the table between its two marks renewed; unchanged where the marks are missing."""
    before, begins, rest = readme.partition(TABLE_BEGINS)
    _, ends, after = rest.partition(TABLE_ENDS)
    if not begins or not ends:
        return readme
    return f"{before}{begins}\n{readme_table()}{ends}{after}"


def generated(checkout: Path) -> dict[Path, str]:
    """Every generated file and what it should hold."""
    readme = checkout / "README.md"
    files = {
        checkout / "config" / "default.toml": default_toml(),
        checkout / "config" / "schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
    }
    if readme.exists():
        files[readme] = with_table(readme.read_text(encoding="utf-8"))
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the generated files, or say which are out of date."""
    parser = argparse.ArgumentParser(prog="python -m backupwatch.settings.render", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when something differs")
    chosen = parser.parse_args(arguments)
    checkout = Path(__file__).resolve().parents[3]
    outdated = 0
    for file, text in generated(checkout).items():
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        outdated += 1
        if not chosen.check:
            file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{file.relative_to(checkout)} {'is out of date' if chosen.check else 'written'}\n")
    return 1 if outdated and chosen.check else 0


if __name__ == "__main__":
    sys.exit(main())
