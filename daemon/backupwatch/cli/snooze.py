"""``backupwatch snooze`` and ``unsnooze``: quiet for one phone, with an end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from backupwatch import clock, control, paths
from backupwatch.alerts.wording import moment
from backupwatch.cli.opening import config_of, pick
from backupwatch.errors import BackupwatchError
from backupwatch.settings.values import Config
from backupwatch.store import open_store
from backupwatch.store.known import known_devices
from backupwatch.text import name, plain
from backupwatch.zone import local_zone

if TYPE_CHECKING:
    from backupwatch.cli.app import Root

LONGEST: Final = timedelta(days=90)
"""A snooze is not a way to switch the watch off: ``ignore`` in the configuration is."""


def snooze(root: Root, device: str, duration: str) -> int:
    """Keep quiet about a phone; takes effect at once."""
    from backupwatch.settings.duration import parse

    try:
        length = parse(duration)
    except ValueError as error:
        raise BackupwatchError(
            f"“{plain(duration, 40)}” is no duration: {error}", fix="Write it like 90m, 36h, 3d or 2w", exit_code=2
        ) from error
    if not timedelta(0) < length <= LONGEST:
        raise BackupwatchError(
            "A snooze lasts from a minute to 90 days",
            fix="To stop watching a phone for good, set ignore = true in its [[device]] table",
            exit_code=2,
        )
    udid, called = _phone(config_of(root.config_path), device)
    now = clock.utc_now()
    store = open_store(paths.store_file(), now, thorough=False)
    try:
        store.snooze(udid, now + length, now)
    finally:
        store.close()
    control.wake()
    print(f"Quiet about {name(called)} until {moment(now + length, local_zone())}.")
    return 0


def unsnooze(root: Root, device: str) -> int:
    """End a snooze; 0 also when there was none."""
    udid, called = _phone(config_of(root.config_path), device)
    store = open_store(paths.store_file(), clock.utc_now(), thorough=False)
    try:
        ended = store.unsnooze(udid)
    finally:
        store.close()
    control.wake()
    print(f"{name(called)} is watched with alerts again." if ended else f"{name(called)} was not snoozed.")
    return 0


def _phone(config: Config, device: str) -> tuple[str, str]:
    known = [
        (udid, own.name if (own := config.device(udid)) and own.name else called) for udid, called in known_devices()
    ]
    udid = pick([device], known)[0]
    return udid, dict(known)[udid]
