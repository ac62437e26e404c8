"""From files to a configuration: the person's own file over ``conf.d/*.toml``, with all mistakes at once.

``python -m backupwatch.settings.load --json [--config FILE]`` does the same in a process of its own, so that the
daemon never holds the validation library in its memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backupwatch import paths
from backupwatch.settings import layer as layers
from backupwatch.settings import sense
from backupwatch.settings.files import CONF_D, conf_d_files
from backupwatch.settings.keys import DEVICE
from backupwatch.settings.known import known_devices as devices_in_store
from backupwatch.settings.locate import Path as KeyPath
from backupwatch.settings.model import ConfigModel
from backupwatch.settings.problems import (
    InvalidConfigError,
    Loaded,
    Origin,
    Problem,
    loaded_to_json,
    problem_to_json,
)
from backupwatch.settings.reading import Source, read_source
from backupwatch.settings.syntax import parse
from backupwatch.settings.values import same_device


@dataclass(slots=True)
class _Merged:
    """Data of all files, and for every key where its effective value stands."""

    data: dict[str, Any] = field(default_factory=dict)
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    where: dict[str, tuple[Source, int, int]] = field(default_factory=dict)

    def lay_under(self, layer: layers.Layer) -> None:
        """Add what is not there yet: the layers come with the strongest first."""
        for table, content in layer.data.items():
            if table == DEVICE:
                for index, entry in enumerate(content):
                    if entry is not None:
                        udid = same_device(entry["udid"])
                        self._fill(layer, self.devices.setdefault(udid, {}), entry, (DEVICE, index), f"{DEVICE}.{udid}")
            else:
                self._fill(layer, self.data.setdefault(table, {}), content, (table,), table)

    def _fill(
        self, layer: layers.Layer, target: dict[str, Any], content: dict[str, Any], path: KeyPath, dotted: str
    ) -> None:
        for key, value in content.items():
            if key not in target:
                target[key] = value
                if place := layer.places.get((*path, key)):
                    self.where[f"{dotted}.{key}"] = (layer.source, *place.value)

    def whole(self) -> dict[str, Any]:
        """What the model reads."""
        return {**self.data, DEVICE: list(self.devices.values())}


def load(
    path: Path | None = None,
    *,
    known_devices: Sequence[tuple[str, str]] = (),
    must_exist: bool = False,
    instead: Mapping[Path, Path] | None = None,
) -> Loaded:
    """Read, check and merge everything; without any file all defaults hold.

    :param path: the person's own file; ``None`` for the usual place (``BACKUPWATCH_CONFIG`` counts).
    :param known_devices: UDID and name of the phones that are known, for a warning about a UDID that is none.
    :param must_exist: whether a missing file of the person's own is a mistake, as after ``--config``.
    :param instead: for trying out a change: read the second file wherever the first one is meant.
    :raises InvalidConfigError: with every mistake in every file.
    """
    own = paths.config_file(path)
    found: list[layers.Layer] = []
    problems: list[Problem] = []
    new = {file for file in instead or () if file.parent == own.parent / CONF_D}
    try:
        candidates = [own, *sorted({*_conf_d(own), *new}, reverse=True)]
    except InvalidConfigError as error:
        candidates, problems = [own], list(error.problems)
    for file in candidates:
        try:
            source = read_source((instead or {}).get(file, file))
        except InvalidConfigError as error:
            problems += error.problems
            continue
        if source is None:
            if file == own and must_exist:
                way_out = "Check its name; `config init` after the same --config writes a new one."
                problems.append(Problem(own, 0, 0, "", "there is no such file", suggestion=way_out))
            continue
        layer = layers.check(parse(Source(file, source.text, source.warnings)))
        found.append(layer)
        problems += layer.problems
    return _finish(found, problems, known_devices)


def _finish(found: Sequence[layers.Layer], problems: list[Problem], known_devices: Sequence[tuple[str, str]]) -> Loaded:
    merged = _Merged()
    for layer in found:
        merged.lay_under(layer)
    config = ConfigModel.model_validate(merged.whole()).values()
    spoilt = frozenset[str]().union(*(layer.spoilt for layer in found))
    problems += sense.contradictions(config, merged.where.get, spoilt)
    if problems:
        order = {layer.source.file: number for number, layer in enumerate(found)}
        raise InvalidConfigError(sorted(problems, key=lambda each: (order.get(each.file, -1), each.line, each.column)))
    warnings = [warning for layer in found for warning in layer.warnings]
    warnings += sense.doubts(config, merged.where.get, known_devices)
    return Loaded(
        config=config,
        origins={key: Origin(source.file, line) for key, (source, line, _) in merged.where.items()},
        warnings=tuple(warnings),
        files=tuple(layer.source.file for layer in reversed(found)),
    )


def _conf_d(own: Path) -> list[Path]:
    folder = own.parent / CONF_D
    try:
        return conf_d_files(own)
    except NotADirectoryError:
        if not folder.exists():  # the folder's own parent is a file: reading the file itself tells that better
            return []
        what, way_out = "this is a file, not a folder", "Move it away."
    except OSError as error:
        what = f"the folder cannot be read ({error.strerror or type(error).__name__})"
        way_out = "Correct its permissions."
    raise InvalidConfigError([Problem(folder, 0, 0, "", what, suggestion=way_out)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON document: the configuration, or the mistakes with exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m backupwatch.settings.load", description=main.__doc__)
    parser.add_argument("--json", action="store_true", required=True)
    parser.add_argument("--config", type=Path, default=None, metavar="FILE")
    chosen = parser.parse_args(arguments)
    try:
        loaded = load(chosen.config, known_devices=devices_in_store(), must_exist=chosen.config is not None)
    except InvalidConfigError as error:
        told: dict[str, Any] = {
            "error": error.line(),
            "problems": [problem_to_json(problem) for problem in error.problems],
        }
        code = error.exit_code
    else:
        told, code = loaded_to_json(loaded), 0
    sys.stdout.write(json.dumps(told) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
