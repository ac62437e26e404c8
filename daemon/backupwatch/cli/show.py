"""One verdict → what a person reads in a terminal: who is safe, who is not, why, and what to tap."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from backupwatch.clock import age_words
from backupwatch.judge.finding import Blamed, State
from backupwatch.judge.verdict import DeviceVerdict, Verdict
from backupwatch.judge.watcher import Problem
from backupwatch.text import plain

STATE_WORDS: Final = {
    State.FRESH: ("fresh", "green"),
    State.STALE: ("STALE", "yellow"),
    State.OVERDUE: ("OVERDUE", "bold red"),
    State.NEVER: ("NEVER", "bold red"),
    State.UNSEEN: ("not seen", "cyan"),
    State.UNKNOWN: ("unknown", "cyan"),
    State.IGNORED: ("ignored", "dim"),
}
"""The word says it all; the colour only repeats it."""


def print_verdict(
    verdict: Verdict,
    problems: Sequence[Problem],
    zone: tzinfo,
    snoozes: Mapping[str, datetime],
    console: Console | None = None,
) -> None:
    """Print the table, then under it every unhappy phone with its cause and steps, then account and problems."""
    out = console or Console(highlight=False, soft_wrap=False)
    now = verdict.generated_at
    if verdict.devices:
        out.print(_table(verdict, zone, now))
    else:
        out.print("No iPhone is known yet. Connect one with a cable, unlock it and run: backupwatch pair")
    for device in verdict.devices:
        _explain(out, device, snoozes, zone)
    _account(out, verdict)
    for problem in problems:
        _paragraph(out, f"! {problem.sentence} {problem.fix}", indent="  ", style="yellow")


def _table(verdict: Verdict, zone: tzinfo, now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Phone", max_width=26, overflow="ellipsis", no_wrap=True)
    table.add_column("Last iCloud backup", no_wrap=True)
    table.add_column("Last local backup", no_wrap=True)
    table.add_column("State", no_wrap=True)
    for device in verdict.devices:
        word, style = STATE_WORDS[device.state]
        fresh = device.freshness
        table.add_row(
            Text(plain(device.name, 60) or device.udid),
            Text(ago(fresh.last_cloud, now, zone)),
            Text(ago(fresh.last_local, now, zone)),
            Text(word, style=style),
        )
    return table


def ago(at: datetime | None, now: datetime, zone: tzinfo) -> str:
    """``2 days ago, Fri 02:11``; the date in place of the weekday when it is more than six days ago."""
    if at is None:
        return "none known"
    local = at.astimezone(zone)
    day = f"{local:%a}" if now - at < timedelta(days=6) else f"{local.day} {local:%b}"
    if at > now + timedelta(minutes=10):
        return f"in the future, {local:%Y-%m-%d}"
    return f"{age_words(now - at)} ago, {day} {local:%H:%M}"


def _explain(out: Console, device: DeviceVerdict, snoozes: Mapping[str, datetime], zone: tzinfo) -> None:
    if not device.causes and device.state in {State.FRESH, State.IGNORED}:
        return
    out.print()
    out.print(Text(plain(device.name, 60) or device.udid, style="bold"))
    if device.udid in snoozes:
        until = snoozes[device.udid].astimezone(zone)
        out.print(f"  alerts are snoozed until {until:%a} {until.day} {until:%b}, {until:%H:%M}")
    for sentence in device.freshness.evidence:
        _paragraph(out, sentence, indent="  ")
    for place, cause in enumerate(device.causes[:3]):
        _cause(out, cause, steps=place == 0)
    if device.deletion_in_days is not None:
        _paragraph(
            out, f"Apple may delete the old iCloud backup in {max(0, device.deletion_in_days)} days.", indent="  "
        )
    if not device.causes and device.not_checked:
        count = len(device.not_checked)
        what = "One cause could not be checked" if count == 1 else f"{count} causes could not be checked; the first"
        _paragraph(out, f"{what}: {device.not_checked[0].reason}", indent="  ")


def _cause(out: Console, cause: Blamed, *, steps: bool) -> None:
    out.print(Text(f"  {plain(cause.summary, 120)} ", style="bold") + Text(f"({cause.certainty.value})", style="dim"))
    for sentence in cause.evidence:
        _paragraph(out, sentence, indent="    ")
    if steps:
        for number, step in enumerate(cause.fix, start=1):
            _paragraph(out, step, indent=f"    {number}. ")
        out.print(Text(f"    {plain(cause.source, 200)}", style="dim"))


def _account(out: Console, verdict: Verdict) -> None:
    account = verdict.account
    if account.state == "not-configured":
        return
    out.print()
    quota = account.quota
    words = f"iCloud {plain(account.apple_id or '')}: {account.state}"
    if quota is not None:
        words += f", {gigabytes(quota.used)} of {gigabytes(quota.total)} GB used"
    if account.forecast_full_at is not None:
        full = account.forecast_full_at.astimezone(UTC)
        words += f", full around {full.day} {full:%b}"
    out.print(Text(words))


def gigabytes(count: float) -> str:
    """Bytes as Apple shows them for iCloud: binary gigabytes, one decimal, since 5 368 709 120 bytes are "5 GB"."""
    return f"{count / 1024**3:.1f}"


def _paragraph(out: Console, sentence: str, *, indent: str, style: str = "") -> None:
    """Wrapped at the console's width, later lines under the first one's text."""
    width = max(40, min(out.width, 100))
    text = textwrap.fill(plain(sentence, 600), width=width, initial_indent=indent, subsequent_indent=" " * len(indent))
    out.print(Text(text, style=style))
