"""Values back into TOML: for ``config show``, ``config set`` and the commented default file."""

from __future__ import annotations

import dataclasses
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import tomli_w

from backupwatch.settings import duration
from backupwatch.settings.values import Config


def toml_data(config: Config) -> dict[str, Any]:
    """What a file would have to say for exactly this configuration: only text, booleans and lists.

    A phone's keys that follow ``[freshness]`` are left out, for TOML has no way to say that.
    """
    data: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name == "devices":
            data["device"] = [_table(device) for device in value]
        else:
            data[field.name] = _table(value)
    return data


def _table(values: Any) -> dict[str, Any]:
    named = ((field.name, getattr(values, field.name)) for field in dataclasses.fields(values))
    return {
        name: "" if name == "quiet_hours" and value is None else _plain(value)
        for name, value in named
        if value is not None or name == "quiet_hours"
    }


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return duration.render(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple) and value and isinstance(value[0], time):
        return f"{value[0]:%H:%M}-{value[1]:%H:%M}"
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def toml_value(value: Any) -> str:
    """One value on one line; tomli-w would spread a list over several."""
    if isinstance(value, list):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    return tomli_w.dumps({"k": value}).removeprefix("k = ").rstrip("\n")
