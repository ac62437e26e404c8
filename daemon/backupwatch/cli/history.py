"""``backupwatch history``: when each backup was made, when it was stale, what was alerted, how the storage filled."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, tzinfo
from statistics import median_low
from typing import TYPE_CHECKING, Any, Final

from backupwatch import clock, paths
from backupwatch.cli.opening import pick
from backupwatch.cli.quick_config import quick_config
from backupwatch.cli.status import TO_BE_MIGRATED
from backupwatch.clock import age_words
from backupwatch.errors import BackupwatchError
from backupwatch.lookback import Lookback, PhonePast, look_back
from backupwatch.store import Store, read_store
from backupwatch.text import plain
from backupwatch.view.past import gaps
from backupwatch.view.quota import daily
from backupwatch.view.told import MARKS, became
from backupwatch.wording import values
from backupwatch.zone import local_zone

if TYPE_CHECKING:
    from rich.console import Console

    from backupwatch.cli.app import Root

LONGEST: Final = 36_500
"""Days: a hundred years is everything."""
_FEW: Final = 5
"""So many backups of each phone are listed when several phones are shown."""
_MANY: Final = 60
_ALERTS: Final = 40


def run(root: Root, device: str | None, days: int, *, as_json: bool, as_csv: bool) -> int:
    """Print the past of one phone, or of all.

    :param days: how far back.
    :raises BackupwatchError: the store cannot be read or is of an older version, or no phone is called so.
    """
    if not 1 <= days <= LONGEST:
        raise BackupwatchError(f"--days is a number from 1 to {LONGEST}", exit_code=2)
    if as_json and as_csv:
        raise BackupwatchError("Only one of --json and --csv can be printed", exit_code=2)
    now, zone = clock.utc_now(), local_zone()
    config = quick_config(root.config_path)
    store = read_store(paths.store_file())
    if store is None:
        if paths.store_file().exists():  # an empty past would be a lie
            raise BackupwatchError(TO_BE_MIGRATED, fix="Run: backupwatch check", exit_code=3)
        back = Lookback(now - timedelta(days=days), now, (), (), ())
        if not (as_json or as_csv):
            print("Nothing is remembered yet. Run: backupwatch check")
            return 0
    else:
        try:
            back = look_back(store, config, zone, now, now - timedelta(days=days), _asked(store, config, device))
        finally:
            store.close()
    if as_json or as_csv:
        from backupwatch.cli import history_data

        if as_json:
            history_data.write_json(back, zone, sys.stdout)
        else:
            history_data.write_csv(back, sys.stdout)
    else:
        from backupwatch.cli.status import console

        print_history(back, zone, console(), whole=device is not None)
    return 0


def _asked(store: Store, config: Any, device: str | None) -> list[str] | None:
    if device is None:
        return None
    known = [
        (udid, own.name if (own := config.device(udid)) and own.name else plain(name))
        for udid, name in store.phone_names().items()
    ]
    return pick([device], known)


# -- for people -------------------------------------------------------------------------------------------------


def print_history(back: Lookback, zone: tzinfo, out: Console, *, whole: bool) -> None:
    """Each phone, then the alerts, then the storage.

    :param whole: list every backup, not only the last few.
    """
    from rich.text import Text

    from backupwatch.cli.show import can_draw, paragraph

    days = round((back.now - back.since) / timedelta(days=1))
    paragraph(out, f"The last {days} days, since {_dated(back.since, back.now, zone)}", style="bold")
    if not back.phones:
        paragraph(out, "No phone was seen in this time.")
    draws = can_draw(out) and out.width >= 60
    for each in back.phones:
        out.print()
        out.print(Text(each.name, style="bold"))
        _phone(out, each, back, zone, whole=whole, draws=draws)
    _alerts(out, back, zone)
    _storage(out, back, zone, draws=draws)


def _phone(out: Console, each: PhonePast, back: Lookback, zone: tzinfo, *, whole: bool, draws: bool) -> None:
    from backupwatch.cli.show import paragraph

    made = [backup for backup in each.past.backups if backup.at >= back.since]
    paragraph(out, _summary(each, back), indent="  ")
    if draws:
        from backupwatch.cli.plots import gap_curve

        drawn = gap_curve(
            each.past.stretches, each.limits.stale_after, each.limits.overdue_after, back.since, back.now, zone,
            out.width - 4,
        )  # fmt: skip
        if drawn:
            paragraph(out, "Age of the newest backup:", indent="  ")
            _picture(out, drawn)
    listed = sorted(made, key=lambda backup: backup.at)[-(_MANY if whole else _FEW) :]
    for backup in reversed(listed):
        place = "iCloud" if backup.where == "icloud" else "local "
        gap = f"  {age_words(backup.gap)} after the one before" if backup.gap is not None else ""
        paragraph(out, f"{_dated(backup.at, back.now, zone)}  {place}{gap}", indent="  ")
    if len(made) > len(listed):
        more = "" if whole else "; all of them: name the phone"
        paragraph(out, f"… and {len(made) - len(listed)} more{more}", indent="  ")
    for drought in each.past.droughts:
        if drought.ended_at is not None and drought.ended_at < back.since:
            continue
        grade = "overdue" if drought.overdue else "stale"
        since = f"since {_dated(drought.last, back.now, zone)}" if drought.last else "ever"
        if drought.ended_at is None:
            paragraph(out, f"! {grade}: no backup {since}", indent="  ", hang=4, style="bold red")
        else:
            length = f" ({age_words(drought.ended_at - drought.last)})" if drought.last else ""
            end = _dated(drought.ended_at, back.now, zone)
            paragraph(out, f"- was {grade}: no backup {since} until {end}{length}", indent="  ", hang=4)


def _summary(each: PhonePast, back: Lookback) -> str:
    made = [backup for backup in each.past.backups if backup.at >= back.since]
    if not made:
        return "No backup is known in this time."
    count = "1 backup is known" if len(made) == 1 else f"{len(made)} backups are known"
    lengths = gaps(made)
    if not lengths:
        return f"{count}."
    return f"{count}; usually {age_words(median_low(lengths))} apart, at most {age_words(max(lengths))}."


def _alerts(out: Console, back: Lookback, zone: tzinfo) -> None:
    from rich.text import Text

    from backupwatch.cli.show import paragraph

    out.print()
    out.print(Text("Alerts", style="bold"))
    if not back.alerts:
        paragraph(out, "None in this time.", indent="  ")
    for alert in back.alerts[-_ALERTS:]:
        entry = alert.entry
        when = _dated(entry.ended_at or entry.created_at, back.now, zone)
        paragraph(out, f"{when}  {MARKS.get(entry.mark, entry.mark)}", indent="  ")
        paragraph(out, entry.message.title, indent="    ")
        if entry.cause:
            paragraph(out, f"Named cause: {plain(entry.cause)}", indent="    ")
        for sentence in became(alert, back):
            paragraph(out, sentence, indent="    ")
    if len(back.alerts) > _ALERTS:
        paragraph(out, f"… and {len(back.alerts) - _ALERTS} older ones; --json lists them all", indent="  ")


def _storage(out: Console, back: Lookback, zone: tzinfo, *, draws: bool) -> None:
    from rich.text import Text

    from backupwatch.cli.show import paragraph

    if not back.quota:
        return
    out.print()
    out.print(Text("iCloud storage", style="bold"))
    if draws:
        from backupwatch.cli.plots import storage_curve

        _picture(out, storage_curve(back.quota, back.since, back.now, zone, out.width - 4))
    points = daily(back.quota)
    for point in [points[0], *([points[-1]] if len(points) > 1 else [])]:
        used, total = values.gigabytes(point.used), values.gigabytes(point.total)
        parts = ", ".join(f"{part} {values.gigabytes(size)}" for part, size in point.parts.items() if size > 0)
        said = f"{_dated(point.at, back.now, zone)}  {used} of {total} GB used"
        paragraph(out, f"{said} ({parts})" if parts else said, indent="  ", hang=4)


def _picture(out: Console, drawn: str) -> None:
    from rich.text import Text

    for line in drawn.splitlines():
        out.print(Text(f"  {line}"), no_wrap=True, overflow="crop")


def _dated(at: datetime, now: datetime, zone: tzinfo) -> str:
    """``Thu 13 Nov, 02:11``; with its year when that is not this one."""
    local = at.astimezone(zone)
    if local.year == now.astimezone(zone).year:
        return values.minute(at, zone)
    return f"{values.day(at, zone)} {local.year}, {local.hour:02}:{local.minute:02}"
