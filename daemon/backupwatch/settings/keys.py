"""The keys of the model as a flat list, for everything that speaks about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from backupwatch.settings.model import ConfigModel, DeviceTable, Table

DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file. ``default`` is TOML data, ``None`` where there is none; ``example`` is TOML text."""

    table: str
    name: str
    default: Any
    description: str
    allowed: str
    example: str
    unit: str
    required: bool

    @property
    def dotted(self) -> str:
        """``freshness.stale_after``."""
        return f"{self.table}.{self.name}"


@cache
def tables() -> Mapping[str, type[Table]]:
    """Every table by its name, in the order of the file; ``device`` is repeated, the others stand once."""
    return {
        name: field.annotation
        if isinstance(field.annotation, type) and issubclass(field.annotation, Table)
        else DeviceTable
        for name, field in ConfigModel.model_fields.items()
    }


@cache
def keys_of(table: str) -> Mapping[str, Key]:
    """The keys of one table by name, in the order of the file.

    :raises KeyError: there is no such table.
    """
    found: dict[str, Key] = {}
    for name, field in tables()[table].model_fields.items():
        extra = field.json_schema_extra
        notes = extra if isinstance(extra, dict) else {}
        found[name] = Key(
            table=table,
            name=name,
            default=None if field.is_required() else field.default,
            description=field.description or "",
            allowed=str(notes.get("x-allowed", "")),
            example=str(notes.get("x-example", "")),
            unit=str(notes.get("x-unit", "")),
            required=field.is_required(),
        )
    return found


def all_keys() -> list[Key]:
    """Every key of every table."""
    return [key for table in tables() for key in keys_of(table).values()]
