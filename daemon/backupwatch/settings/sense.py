"""Slips that only show when keys are read together; pure functions of the merged configuration."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from datetime import timedelta

from backupwatch.settings import duration
from backupwatch.settings.problems import Problem
from backupwatch.settings.reading import Source
from backupwatch.settings.values import Config, Device, same_device
from backupwatch.text import name as safe_name
from backupwatch.text import plain

Where = Callable[[str], tuple[Source, int, int] | None]
"""Answers where a key such as ``device.<udid>.name`` has its effective value, ``None`` for a default."""

_SELDOM_ENOUGH = {
    # Apple's limits are not published; accounts that are asked every few minutes have been blocked.
    "account_every": (timedelta(minutes=15), "Apple may block an account that is asked so often"),
    "services_every": (timedelta(minutes=5), "Apple's page changes a few times a day at most"),
}


def contradictions(config: Config, where: Where, spoilt: frozenset[str]) -> list[Problem]:
    """Values that exclude each other.

    :param spoilt: names of keys whose written value was refused; nothing is concluded from their defaults.
    """
    if spoilt & {"stale_after", "overdue_after", "*"}:
        return []
    problems: list[Problem] = []
    general = config.freshness
    if general.overdue_after < general.stale_after:
        problems += _overdue_first("freshness", general.stale_after, general.overdue_after, where)
    for device in config.devices:
        if device.stale_after is None and device.overdue_after is None:
            continue
        own = config.freshness_of(device.udid)
        if own.overdue_after < own.stale_after:
            problems += _overdue_first(f"device.{same_device(device.udid)}", own.stale_after, own.overdue_after, where)
    return problems


def _overdue_first(table: str, stale: timedelta, overdue: timedelta, where: Where) -> list[Problem]:
    """Blame the key that is written; when both are, the one that names the later of the two stages."""
    for written in ("overdue_after", "stale_after"):
        if place := where(f"{table}.{written}"):
            break
    else:  # pragma: no cover - the defaults do not contradict each other
        return []
    source, line, column = place
    other = "stale_after" if written == "overdue_after" else "overdue_after"
    other_place = where(f"{table}.{other}") or where(f"freshness.{other}")
    stands = f"on line {other_place[1]}" if other_place and other_place[0].file == source.file else ""
    if other_place and not stands:
        stands = f"in {plain(other_place[0].file.name)}"
    other_value = duration.render(stale if other == "stale_after" else overdue)
    return [
        source.problem(
            line,
            column,
            "a backup would be overdue before it is stale",
            key=f"{table}.{written}",
            found=f'stale_after = "{duration.render(stale)}", overdue_after = "{duration.render(overdue)}"',
            allowed="overdue_after not shorter than stale_after",
            suggestion=f'{other} is "{other_value}" {stands or "by default"}; change one of the two.',
        )
    ]


def doubts(config: Config, where: Where, known_devices: Sequence[tuple[str, str]]) -> list[str]:
    """Values that may be meant but probably are not, as sentences with their place."""
    told: list[str] = []

    def doubt(key: str, sentence: str) -> None:
        place = where(key)
        at = f"{plain(place[0].file, 400)}:{place[1]}: " if place else ""
        told.append(f"{at}{key}: {sentence}")

    for key, (least, reason) in _SELDOM_ENOUGH.items():
        interval: timedelta = getattr(config.polling, key)
        if interval < least:
            doubt(
                f"polling.{key}",
                f'"{duration.render(interval)}" is very short: {reason}. "{duration.render(least)}" is enough.',
            )
    if config.freshness.stale_after < timedelta(days=1):
        doubt(
            "freshness.stale_after",
            "an iPhone backs up about once a day, so with less than a day you will be told about healthy phones.",
        )
    if config.polling.devices_every > config.freshness.stale_after:
        doubt("polling.devices_every", "phones are asked less often than their backups may become stale.")
    told += _device_doubts(config.devices, where, known_devices)
    return told


def _device_doubts(devices: Sequence[Device], where: Where, known_devices: Sequence[tuple[str, str]]) -> list[str]:
    told: list[str] = []
    known = {same_device(udid): (udid, name) for udid, name in known_devices}
    names: dict[str, str] = {}
    for device in devices:
        udid = same_device(device.udid)
        place = where(f"device.{udid}.udid")
        at = f"{plain(place[0].file, 400)}:{place[1]}: " if place else ""
        if known and udid not in known:
            close = difflib.get_close_matches(udid, list(known), 1, 0.8)
            hint = f" Did you mean {plain(known[close[0]][0])} ({safe_name(known[close[0]][1])})?" if close else ""
            told.append(f"{at}device: no known phone has the UDID {plain(device.udid)}.{hint}")
        if device.name:
            if device.name.casefold() in names:
                told.append(f"{at}device: two phones are named {safe_name(device.name)}.")
            names[device.name.casefold()] = udid
    return told
