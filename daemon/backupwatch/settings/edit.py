"""The only writer of configuration: single values into ``conf.d``, and a new file for ``config init``.

What a person wrote is never rewritten. A key that stands in their own file is refused with its line, for a value in
``conf.d`` would have no effect there.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w

from backupwatch import paths
from backupwatch.errors import BackupwatchError, ConfigError
from backupwatch.settings import atomic, render
from backupwatch.settings.files import CONF_D, conf_d_files
from backupwatch.settings.keys import DEVICE, Key, all_keys, keys_of, tables
from backupwatch.settings.known import known_devices
from backupwatch.settings.layer import check, did_you_mean
from backupwatch.settings.load import load
from backupwatch.settings.problems import InvalidConfigError, Problem
from backupwatch.settings.reading import Source, read_source
from backupwatch.settings.syntax import Parsed, parse
from backupwatch.settings.values import same_device
from backupwatch.text import plain

WRITTEN = "backupwatch.toml"
"""The one file in ``conf.d`` that this program writes."""

SCHEMA = "schema.json"
"""Beside the person's file, so that ``#:schema ./schema.json`` finds it whatever happens to the installation."""

_HEAD = "# Written by backupwatch (config set, pair, login). Your own words belong into ../config.toml.\n\n"


def set_value(key: str, value: object, config_file: Path | None = None) -> Path:
    """Write one value into ``conf.d`` and answer the file.

    :param key: such as ``freshness.stale_after`` or ``device.<UDID>.name``.
    :param value: TOML data, such as ``"3d"``, ``True`` or ``["1d", "2d"]``.
    :param config_file: the person's own file; ``None`` for the usual place.
    :raises ConfigError: no such key, a value that may not stand there, or a key that another file sets.
    :raises BackupwatchError: the file cannot be written.
    """
    own = paths.config_file(config_file)
    known, udid = find_key(key, own)
    if known.table == DEVICE and known.name == "udid":
        raise ConfigError("The UDID says which phone is meant and cannot be set", fix="Set its other keys")
    _refuse_wrong_value(known, udid, value)

    def put(data: dict[str, Any]) -> bool:
        table = _device_entry(data, udid) if known.table == DEVICE else data.setdefault(known.table, {})
        table[known.name] = value
        return True

    return _change(own, known, udid, put) or written_file(own)


def unset_value(key: str, config_file: Path | None = None) -> Path | None:
    """Take one value out of ``conf.d`` again; ``None`` when it was not there.

    :raises ConfigError: no such key, or it stands in a file that this program does not write.
    :raises BackupwatchError: the file cannot be written.
    """
    own = paths.config_file(config_file)
    known, udid = find_key(key, own)
    return _change(own, known, udid, lambda data: _take_out(data, known, udid))


def remember_device(udid: str, name: str = "", config_file: Path | None = None) -> Path | None:
    """Give a phone its table in ``conf.d``; what any file says about it already stays as it is.

    :param name: shown instead of the phone's own name; empty to leave that open.
    :returns: the written file, ``None`` when there was nothing to add.
    :raises ConfigError: not a UDID, or a file in ``conf.d`` is broken.
    :raises BackupwatchError: the file cannot be written.
    """
    own = paths.config_file(config_file)
    _refuse_wrong_value(keys_of(DEVICE)["udid"], udid, udid)
    wanted, target = same_device(udid), written_file(own)
    with atomic.one_writer(target.parent):
        elsewhere = _where_set(own, wanted)
        data = _written_data(target)
        if wanted not in elsewhere:
            entry = _device_entry(data, udid)
        elif not name or "name" in elsewhere[wanted]:
            return None
        else:
            entry = _device_entry(data, udid)
        if name and "name" not in elsewhere.get(wanted, set()):
            entry["name"] = plain(name, 100)
        return _write(own, target, data)


def written_file(own: Path) -> Path:
    """The file that this program writes beside the person's own."""
    return own.parent / CONF_D / WRITTEN


def find_key(key: str, own: Path) -> tuple[Key, str]:
    """The key of this dotted name, and the phone's UDID where it is one of a phone.

    A phone is named by its UDID, by the name that it has here, or by the beginning of that.

    :raises ConfigError: there is no such key or phone.
    """
    table, _, rest = key.partition(".")
    if table == DEVICE:
        phone, _, name = rest.rpartition(".")
        if not phone or name not in keys_of(DEVICE):
            names = ", ".join(keys_of(DEVICE))
            raise ConfigError(
                f"There is no key {plain(key, 120)}",
                fix=f"Keys of a phone are device.UDID.NAME with NAME one of {names}",
            )
        return keys_of(DEVICE)[name], _find_device(phone, own)
    if table in tables() and rest in keys_of(table):
        return keys_of(table)[rest], ""
    if key in tables():
        names = ", ".join(f"{key}.{name}" for name in keys_of(key))
        raise ConfigError(f"{key} is a table, not a key", fix=f"Its keys are {names}")
    path = (table, rest) if rest and table in tables() else (rest or table,)
    if len(path) == 1:  # without its table, or under one that is none
        matching = [known.dotted for known in all_keys() if known.name == path[0] and known.table != DEVICE]
        hint = f"Did you mean {matching[0]}?" if matching else did_you_mean((key,), None)
    else:
        hint = did_you_mean(path, None)
    raise ConfigError(f"There is no key {plain(key, 120)}", fix=hint)


def _find_device(phone: str, own: Path) -> str:
    if re.fullmatch(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40}", phone):
        return phone
    try:
        named = [(device.udid, device.name) for device in load(own).config.devices]
    except InvalidConfigError:
        named = []
    known, sought = [*known_devices(), *named], phone.casefold()
    found = {
        same_device(udid): udid
        for udid, name in known
        if name.casefold() == sought or same_device(udid) == same_device(phone)
    } or {same_device(udid): udid for udid, name in known if name.casefold().startswith(sought)}
    if len(found) == 1:
        return next(iter(found.values()))
    raise ConfigError(
        f"{'No phone' if not found else 'More than one phone'} is called {plain(phone)}",
        fix="Name it by its UDID; `backupwatch devices` shows it",
    )


def typed(key: Key, text: str) -> object:
    """What a person meant by this text on the command line, as TOML data; checked later.

    Text needs no quotes, a list may be written as TOML or with commas.
    """
    stripped = text.strip()
    if isinstance(key.default, bool):
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
            stripped.lower(), text
        )
    if isinstance(key.default, list) or stripped[:1] in {'"', "'"}:
        try:
            return tomllib.loads(f"k = {stripped}")["k"]
        except (ValueError, RecursionError):
            pass
    if isinstance(key.default, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def write_schema(own: Path) -> None:
    """Put the schema beside the person's file, or bring it up to date; leaves any other file of that name alone."""
    target = own.parent / SCHEMA
    wanted = (json.dumps(render.schema(), indent=2, ensure_ascii=False) + "\n").encode()
    try:
        there = target.read_bytes() if target.is_file() else None
    except OSError:
        return
    if there == wanted or (there is not None and b'"title": "backupwatch config.toml"' not in there[:400]):
        return
    atomic.move_over(atomic.write_temporary(target, wanted), target)


def init(config_file: Path | None = None) -> Path:
    """Write the commented default with the phones and the account that are known; never over anything.

    :raises BackupwatchError: something of that name is there, or it cannot be written.
    """
    own = paths.config_file(config_file)
    if not own.parent.exists() or own.parent.is_dir():
        try:
            atomic.create(own, initial_text(own).encode())
        except FileExistsError:
            raise BackupwatchError(
                f"{plain(own, 400)} is there already", fix="Change it with `backupwatch config edit`"
            ) from None
        write_schema(own)
        return own
    raise BackupwatchError(f"{plain(own.parent, 400)} is a file, not a folder", fix="Move it away")


def initial_text(own: Path) -> str:
    """The default file for this person."""
    devices = {same_device(udid): (udid, name) for udid, name in known_devices()}
    apple_id = ""
    try:
        config = load(own).config
        apple_id = config.account.apple_id
        devices = {same_device(each.udid): (each.udid, each.name) for each in config.devices} | devices
    except InvalidConfigError:
        pass  # what is broken in conf.d is told by whoever reads it next; a new file helps nevertheless
    return render.default_toml(devices=list(devices.values()), apple_id=apple_id)


def _refuse_wrong_value(key: Key, udid: str, value: object) -> None:
    """Hold the one value against the model, before any file is touched."""
    entry: dict[str, Any] = {key.name: value}
    data = {DEVICE: [{"udid": udid, **entry}]} if key.table == DEVICE else {key.table: entry}
    layer = check(Parsed(Source(Path(), ""), data, {}))
    if layer.problems:
        wrong = layer.problems[0]
        raise ConfigError(
            f"{key.dotted}: {wrong.message}; found {wrong.found}",
            fix=" ".join(filter(None, (f"Allowed: {wrong.allowed}.", wrong.suggestion))),
        )


def _change(own: Path, key: Key, udid: str, change: Callable[[dict[str, Any]], bool]) -> Path | None:
    """Let ``change`` loose on what this program wrote, under the lock; ``None`` when it changed nothing."""
    target = written_file(own)
    with atomic.one_writer(target.parent):
        _refuse_set_elsewhere(own, key, udid)
        data = _written_data(target)
        return _write(own, target, data) if change(data) else None


def _take_out(data: dict[str, Any], key: Key, udid: str) -> bool:
    if key.table != DEVICE:
        table = data.get(key.table, {})
        if key.name not in table:
            return False
        del table[key.name]
        if not table:
            del data[key.table]
        return True
    for entry in data.get(DEVICE, []):
        if same_device(entry["udid"]) == same_device(udid) and key.name in entry:
            if key.name == "udid":
                data[DEVICE].remove(entry)
            else:
                del entry[key.name]
            return True
    return False


def _device_entry(data: dict[str, Any], udid: str) -> dict[str, Any]:
    entries: list[dict[str, Any]] = data.setdefault(DEVICE, [])
    for entry in entries:
        if same_device(entry["udid"]) == same_device(udid):
            return entry
    entries.append({"udid": udid})
    return entries[-1]


def _write(own: Path, target: Path, data: dict[str, Any]) -> Path:
    """Try the new text out together with the other files, then let it take its place."""
    before = _problems(own, {})
    content = (_HEAD + tomli_w.dumps(data)).encode()
    destination = target.resolve()  # a link into a folder of dotfiles stays a link
    temporary = atomic.write_temporary(destination, content)
    try:
        seen = {(problem.key, problem.message) for problem in before}
        for problem in _problems(own, {target: temporary}):
            if (problem.key, problem.message) not in seen:
                raise ConfigError(
                    f"{problem.key}: {problem.message}; found {problem.found}",
                    meaning="Nothing was changed",
                    fix=" ".join(filter(None, (f"Allowed: {problem.allowed}.", problem.suggestion))),
                )
        atomic.move_over(temporary, destination)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _problems(own: Path, instead: dict[Path, Path]) -> tuple[Problem, ...]:
    try:
        load(own, instead=instead)
    except InvalidConfigError as error:
        return error.problems
    return ()


def _written_data(target: Path) -> dict[str, Any]:
    """What this program wrote so far.

    :raises InvalidConfigError: somebody changed it into something that cannot be read; it is left as it is.
    """
    source = read_source(target)
    if source is None:
        return {}
    parsed = parse(source)
    if problems := check(parsed).problems:
        raise InvalidConfigError(problems)
    return parsed.data


def _other_files(own: Path) -> list[Path]:
    try:
        return [own, *(file for file in conf_d_files(own) if file != written_file(own))]
    except OSError:
        return [own]


def _refuse_set_elsewhere(own: Path, key: Key, udid: str) -> None:
    """A value in a file that is not ours would win, or be lost with its comments if we wrote there."""
    for file in _other_files(own):
        source = read_source(file)
        layer = check(parse(source)) if source else None
        if layer is None:
            continue
        path: tuple[str | int, ...] = (key.table, key.name)
        if key.table == DEVICE:
            index = next(
                (
                    number
                    for number, entry in enumerate(layer.data.get(DEVICE, []))
                    if entry is not None and same_device(entry["udid"]) == same_device(udid)
                ),
                None,
            )
            path = (DEVICE, index, key.name) if index is not None else ()
        if path in layer.places:
            line = layer.places[path].key[0]
            raise ConfigError(
                f"{key.dotted} stands in {plain(file, 400)} on line {line}",
                meaning="That line counts, and this program does not rewrite it" if file == own else "",
                fix=f"Change it there{' with `backupwatch config edit`' if file == own else ''}",
            )


def _where_set(own: Path, wanted: str) -> dict[str, set[str]]:
    """The keys that any file sets for this phone; empty when none has a table for it."""
    found: dict[str, set[str]] = {}
    for file in (*_other_files(own), written_file(own)):
        source = read_source(file)
        layer = check(parse(source)) if source else None
        for entry in layer.data.get(DEVICE, []) if layer else []:
            if entry is not None and same_device(entry["udid"]) == wanted:
                found.setdefault(wanted, set()).update(entry)
    return found
