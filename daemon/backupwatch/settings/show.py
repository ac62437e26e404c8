"""What ``config show`` shows: every effective value and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from backupwatch.errors import ConfigError
from backupwatch.settings.edit import find_key
from backupwatch.settings.keys import DEVICE, keys_of, tables
from backupwatch.settings.problems import Loaded, Origin
from backupwatch.settings.toml_out import toml_data, toml_value
from backupwatch.settings.values import same_device
from backupwatch.text import plain


@dataclass(frozen=True, slots=True)
class Row:
    """One value as TOML data; without an origin it is the default, or follows ``[freshness]`` for a phone."""

    table: str
    name: str
    udid: str
    value: Any
    origin: Origin | None

    @property
    def key(self) -> str:
        """``freshness.stale_after`` or ``device.<UDID>.name``."""
        return f"{self.table}.{self.udid}.{self.name}" if self.udid else f"{self.table}.{self.name}"


def rows(loaded: Loaded, wanted: str = "") -> list[Row]:
    """The rows of one key, of one table, of one phone, or all.

    :raises ConfigError: there is nothing of that name.
    """
    everything = list(_rows(loaded))
    if not wanted:
        return everything
    if wanted in tables():
        return [row for row in everything if row.table == wanted]
    own = loaded.files[-1] if loaded.files else None
    table, _, rest = wanted.partition(".")
    if table == DEVICE:
        phone = [row for row in everything if row.udid and same_device(row.udid) == same_device(rest)]
        if phone:
            return phone
    from backupwatch import paths

    key, udid = find_key(wanted, own or paths.config_file())
    found = [
        row
        for row in everything
        if (row.table, row.name) == (key.table, key.name) and same_device(row.udid) == same_device(udid)
    ]
    if not found:
        raise ConfigError(
            f"The configuration says nothing about the phone {plain(udid)}", fix="`backupwatch config set` can"
        )
    return found


def _rows(loaded: Loaded) -> Iterable[Row]:
    data = toml_data(loaded.config)
    for table in tables():
        if table != DEVICE:
            for name in keys_of(table):
                yield Row(table, name, "", data[table][name], loaded.origins.get(f"{table}.{name}"))
            continue
        for device, entry in zip(loaded.config.devices, data[DEVICE], strict=True):
            own = toml_data(loaded.config)["freshness"]
            for name in keys_of(DEVICE):
                origin = loaded.origins.get(f"{DEVICE}.{same_device(device.udid)}.{name}")
                yield Row(DEVICE, name, device.udid, entry.get(name, own.get(name)), origin)


def table_lines(chosen: Sequence[Row]) -> list[str]:
    """Lines that are TOML again, with the origin of each value as a comment; one row alone is one line."""
    alone = len(chosen) == 1
    told = [f"{row.key if alone else row.name} = {_shown(row.value)}" for row in chosen]
    width = min(60, max((len(text) for text in told), default=0))
    lines: list[str] = []
    header = ""
    for row, text in zip(chosen, told, strict=True):
        now = f"[[{row.table}]]" if row.table == DEVICE else f"[{row.table}]"
        if now + row.udid != header and not alone:
            lines += ["", now] if lines else [now]
            header = now + row.udid
        lines.append(f"{text:<{width}}  # {_origin(row)}")
    return lines


def _origin(row: Row) -> str:
    if row.origin:
        return f"{plain(row.origin.file, 400)}:{row.origin.line}"
    return "as in [freshness]" if row.udid and row.name in keys_of("freshness") else "default"


def _shown(value: Any) -> str:
    return plain(toml_value(value), 400)
