"""``backupwatch report``: one page with everything, made from the store; looks at nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from backupwatch import clock, paths
from backupwatch.cli.opening import pick
from backupwatch.cli.quick_config import quick_config
from backupwatch.cli.status import known_at
from backupwatch.errors import BackupwatchError
from backupwatch.lookback import Lookback, look_back
from backupwatch.store import read_store
from backupwatch.text import plain
from backupwatch.zone import local_zone

if TYPE_CHECKING:
    from datetime import datetime

    from backupwatch.cli.app import Root
    from backupwatch.report import Matter
    from backupwatch.settings.values import Config

REACH: Final = timedelta(days=731)
"""Two years of nights: the same season before, and the page stays small."""


def run(root: Root, output: Path | None, device: str | None, *, show: bool, force: bool) -> int:
    """Write the page and say where it is.

    :param output: None for the usual place, which is written over without asking; ``-`` for standard output.
    :param device: the phone that the page begins with.
    :param show: open it in the browser.
    :param force: write over a file without asking.
    :raises BackupwatchError: it cannot be written, or no phone is called so.
    """
    from backupwatch.report import anchor, render

    matter = gathered(quick_config(root.config_path), clock.utc_now(), device)
    page = render(matter)
    if output is not None and str(output) == "-":
        sys.stdout.write(page)
        return 0
    place = paths.private_dir(paths.state_dir()) / "report.html" if output is None else output.expanduser().absolute()
    if output is not None and place.exists() and not force:
        _may_replace(place)
    _write(place, page)
    print(f"The report is at {place}")
    if show:
        _open(f"{place.as_uri()}#{anchor(matter.focus)}" if matter.focus else place.as_uri())
    return 0


def gathered(config: Config, now: datetime, device: str | None) -> Matter:
    """Everything that the page tells, from the store.

    :raises BackupwatchError: the store cannot be read, or no phone is called so.
    """
    from backupwatch.report import Matter

    known, zone = known_at(config, now), local_zone()
    focus = None
    if device is not None:
        focus = pick([device], [(each.udid, each.name) for each in known.verdict.devices])[0]
    store = read_store(paths.store_file())
    if store is None:
        back = Lookback(now - REACH, now, (), (), ())
    else:
        try:
            back = look_back(store, config, zone, now, now - REACH)
        finally:
            store.close()
    return Matter(known.verdict, back, zone, known.problems, known.snoozes, known.watching, focus)


def _may_replace(place: Path) -> None:
    if sys.stdin.isatty() and sys.stderr.isatty():
        print(f"{plain(place, 400)} exists. Write over it? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().casefold() in {"y", "yes"}:
            return
    raise BackupwatchError(f"{plain(place, 400)} exists and was left alone", fix="Name another file, or add --force")


def _write(place: Path, page: str) -> None:
    """Whole or not at all, and only for its owner: it tells of phones and an account.

    A link stays a link; a pipe or a device is written to as it is.
    """
    fresh: Path | None = None
    try:
        if place.exists() and not place.is_file():
            place.write_text(page, "utf-8")
            return
        target = Path(os.path.realpath(place))  # unlike resolve() it takes a link to itself, too
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        fresh = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
        fresh.replace(target)
    except OSError as error:
        if fresh is not None:
            fresh.unlink(missing_ok=True)
        raise BackupwatchError(
            f"The report cannot be written to {plain(place, 400)} ({error.strerror or type(error).__name__})",
            fix="Name a file in a folder that you can write to: backupwatch report --output FILE",
        ) from error


def _open(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        raise BackupwatchError("No browser could be opened", fix="Open the file yourself; the line above names it")
