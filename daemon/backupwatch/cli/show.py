"""One verdict → what a person reads in a terminal: who is safe, who is not, why, and what to tap."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from backupwatch.judge.finding import Blamed, State
from backupwatch.judge.verdict import DeviceVerdict, Verdict
from backupwatch.judge.watcher import Problem
from backupwatch.text import plain
from backupwatch.view import words
from backupwatch.view.nights import Night, Strip, strip
from backupwatch.view.words import Watching
from backupwatch.wording import values

if TYPE_CHECKING:
    from backupwatch.facts.snapshot import Snapshot

_STYLES: Final = {
    State.FRESH: "green",
    State.STALE: "bold yellow",
    State.OVERDUE: "bold red",
    State.NEVER: "bold red",
    State.UNSEEN: "cyan",
    State.UNKNOWN: "cyan",
    State.IGNORED: "dim",
}
_NIGHT_STYLES: Final = {Night.BACKED_UP: "green", Night.MISSED: "bold red", Night.NOT_SEEN: "dim"}
_GLYPHS: Final = {Night.BACKED_UP: "■", Night.MISSED: "✗", Night.NOT_SEEN: "∙"}
_LETTERS: Final = {Night.BACKED_UP: "#", Night.MISSED: "x", Night.NOT_SEEN: "."}
_HEADS: Final = ("Phone", "State", "Last iCloud backup", "Last local backup")
_NAME: Final = 26
_WIDE: Final = 122
"""Columns from which the nights stand beside the dates."""
_MIDDLE: Final = 76
"""Columns from which both dates stand in one line."""
_WIDEST_PROSE: Final = 96
_CAUSES: Final = 3
"""So many causes are explained; the steps are given for the first."""


@dataclass(frozen=True)
class Sight:
    """All that is shown, beside the verdict itself.

    :ivar strips: the nights of each phone, by UDID.
    """

    verdict: Verdict
    zone: tzinfo
    problems: Sequence[Problem] = ()
    snoozes: Mapping[str, datetime] = field(default_factory=dict)
    strips: Mapping[str, Strip] = field(default_factory=dict)
    watching: Watching = field(default_factory=Watching)


def print_verdict(
    verdict: Verdict,
    problems: Sequence[Problem],
    zone: tzinfo,
    snoozes: Mapping[str, datetime],
    console: Console | None = None,
    *,
    snapshot: Snapshot | None = None,
) -> None:
    """Print everything for people; ``snapshot`` gives the nights."""
    sight = Sight(verdict, zone, problems, snoozes, strips_of(snapshot, zone) if snapshot else {})
    print_sight(sight, console or Console(highlight=False))


def strips_of(snapshot: Snapshot, zone: tzinfo) -> dict[str, Strip]:
    """The last nights of every phone."""
    return {udid: strip(phone, snapshot.taken_at, zone) for udid, phone in snapshot.phones.items()}


def print_sight(sight: Sight, out: Console) -> None:
    """The answer, the table, every unhappy phone with its cause and steps, the account, the watcher."""
    verdict, now = sight.verdict, sight.verdict.generated_at
    paragraph(out, words.headline(verdict), style="bold")
    if verdict.devices:
        out.print()
        _table(out, sight)
    for device in verdict.devices:
        _explain(out, device, sight)
    _foot(out, sight, now)


def print_plainly(sight: Sight, out: Console) -> None:
    """The same for a screen reader: whole sentences, one fact to a line, no columns and no signs."""
    verdict, zone, now = sight.verdict, sight.zone, sight.verdict.generated_at
    _say(out, words.headline(verdict))
    for device in verdict.devices:
        found = device.freshness
        _say(out, f"{words.called(device)}: {words.STATE_WORDS[device.state].lower()}.")
        _say(out, f"Last iCloud backup: {words.ago(found.last_cloud, now, zone)}.")
        _say(out, f"Last local backup: {words.ago(found.last_local, now, zone)}.")
        if (nights := sight.strips.get(device.udid)) is not None:
            counts = ", ".join(f"{night.value} {nights.count(night)}" for night in Night)
            _say(out, f"Last {len(nights.nights)} nights: {counts}.")
        _snooze(out, device, sight, "")
        for sentence in _evidence(device):
            _say(out, _stopped(sentence))
        for place, cause in enumerate(device.causes[:_CAUSES]):
            _say(out, f"Cause, {cause.certainty.value}: {_stopped(cause.summary)}")
            for sentence in cause.evidence:
                _say(out, _stopped(sentence))
            for number, step in enumerate(cause.fix if place == 0 else (), start=1):
                _say(out, f"Step {number}: {_stopped(step)}")
    storage = words.storage_words(verdict.account, now, zone)
    for sentence in (
        words.account_sentence(verdict.account, now, zone),
        f"iCloud storage: {storage}" if storage else "",
        words.services_sentence(verdict.services, zone),
        *words.watcher_sentences(sight.watching, now, zone),
        *(f"{problem.sentence} {problem.fix}" for problem in sight.problems),
    ):
        if sentence:
            _say(out, _stopped(sentence))


# -- the table --------------------------------------------------------------------------------------------------


def _table(out: Console, sight: Sight) -> None:
    """At 120 columns one line for each phone, at 80 the nights below, at 60 one line for each fact."""
    glyphs = glyphs_for(out)
    devices = sight.verdict.devices
    widths = _widths(out, sight)
    if out.width >= _MIDDLE:
        last = Text("Last 30 nights", style="bold") if out.width >= _WIDE else None
        _line(out, list(zip(_HEADS, widths, strict=True)), "bold", last)
    for device in devices:
        nights = sight.strips.get(device.udid)
        if out.width >= _MIDDLE:
            _row(out, device, sight, nights, widths, glyphs)
        else:
            _block(out, device, sight, nights, glyphs)
    if any(device.udid in sight.strips for device in devices):
        legend = "   ".join(f"{glyphs[night]} {night.value}" for night in Night)
        out.print(Text(_fit(f"Nights: {legend}", out.width), style="dim"), no_wrap=True)


def _cells(device: DeviceVerdict, sight: Sight) -> tuple[str, str, str, str]:
    found, now = device.freshness, sight.verdict.generated_at
    cloud, local = (words.ago(at, now, sight.zone) for at in (found.last_cloud, found.last_local))
    return words.called(device), words.STATE_WORDS[device.state], cloud, local


def _widths(out: Console, sight: Sight) -> list[int]:
    """Columns as wide as their widest cell; the names get what is left."""
    rows = [_HEADS, *(_cells(device, sight) for device in sight.verdict.devices)]
    name, *others = [max(cell_len(row[place]) for row in rows) for place in range(len(_HEADS))]
    left = out.width - sum(others) - 2 * len(others)
    return [max(5, min(name, _NAME, left)), *others]


def _row(
    out: Console,
    device: DeviceVerdict,
    sight: Sight,
    nights: Strip | None,
    widths: Sequence[int],
    glyphs: Mapping[Night, str],
) -> None:
    beside = out.width >= _WIDE
    cells = list(zip(_cells(device, sight), widths, strict=True))
    _line(out, cells, "", _nights(nights, glyphs) if beside else None, state=device.state)
    if nights is not None and not beside:
        label = "last 30 nights"
        indent = max(2, widths[0] + 2 + widths[1] + 2 - len(label) - 2)
        line = Text(" " * indent).append(f"{label}  ", style="dim")
        out.print(line.append_text(_nights(nights, glyphs)), no_wrap=True)


def _line(
    out: Console, cells: Sequence[tuple[str, int]], style: str, last: Text | None = None, *, state: State | None = None
) -> None:
    """Cells side by side, measured in columns of the terminal: a wide letter takes two."""
    line = Text(style=style)
    for place, (cell, width) in enumerate(cells):
        line.append(_fit(cell, width, fill=True), style=_STYLES[state] if state is not None and place == 1 else "")
        line.append("  ")
    if last is not None:
        line.append_text(last)
    line.rstrip()
    out.print(line, no_wrap=True, overflow="crop")


def _block(
    out: Console, device: DeviceVerdict, sight: Sight, nights: Strip | None, glyphs: Mapping[Night, str]
) -> None:
    found, now = device.freshness, sight.verdict.generated_at
    word = words.STATE_WORDS[device.state]
    line = Text(_fit(words.called(device), max(8, out.width - len(word) - 2)), style="bold")
    out.print(line + Text("  ") + Text(word, style=_STYLES[device.state]), no_wrap=True)
    out.print(_fit(f"  iCloud backup  {words.ago(found.last_cloud, now, sight.zone)}", out.width), no_wrap=True)
    out.print(_fit(f"  local backup   {words.ago(found.last_local, now, sight.zone)}", out.width), no_wrap=True)
    if nights is not None:
        out.print(Text("  30 nights      ") + _nights(nights, glyphs, max(7, out.width - 17)), no_wrap=True)


def _nights(nights: Strip | None, glyphs: Mapping[Night, str], room: int = 30) -> Text:
    line = Text()
    for night in nights.nights[-room:] if nights else ():
        line.append(glyphs[night], style=_NIGHT_STYLES[night])
    return line


def glyphs_for(out: Console) -> Mapping[Night, str]:
    """Signs for the nights; letters where the terminal cannot show the signs (old Windows consoles, dumb ones)."""
    return _GLYPHS if can_draw(out) else _LETTERS


def can_draw(out: Console) -> bool:
    """Whether this terminal can be trusted with signs beyond letters."""
    if out.is_terminal and os.environ.get("TERM") in {"dumb", "unknown", "linux"}:
        return False
    try:
        "".join(_GLYPHS.values()).encode(out.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


# -- below the table --------------------------------------------------------------------------------------------


def _explain(out: Console, device: DeviceVerdict, sight: Sight) -> None:
    if not device.causes and device.state in {State.FRESH, State.IGNORED}:
        return
    out.print()
    out.print(Text(words.called(device), style="bold"))
    _snooze(out, device, sight, "  ")
    for sentence in _evidence(device):
        paragraph(out, sentence, indent="  ")
    for place, cause in enumerate(device.causes[:_CAUSES]):
        _cause(out, cause, steps=place == 0)
    if not device.causes and device.missing == "local":
        paragraph(out, "A backup made by a computer is wanted: connect it and start one there.", indent="  ")
    elif not device.causes and device.not_checked:
        count = len(device.not_checked)
        what = "One cause could not be checked" if count == 1 else f"{count} causes could not be checked; the first"
        paragraph(out, f"{what}: {device.not_checked[0].reason}", indent="  ")


def _evidence(device: DeviceVerdict) -> tuple[str, ...]:
    return (*device.freshness.evidence, *device.warnings)


def _snooze(out: Console, device: DeviceVerdict, sight: Sight, indent: str) -> None:
    if (until := sight.snoozes.get(device.udid)) is not None:
        paragraph(out, f"Alerts are snoozed until {values.minute(until, sight.zone)}.", indent=indent)


def _cause(out: Console, cause: Blamed, *, steps: bool) -> None:
    title = f"{plain(cause.summary, 120)} ({cause.certainty.value})"
    paragraph(out, title, indent="  ", style="bold")
    for sentence in cause.evidence:
        paragraph(out, sentence, indent="    ")
    if steps:
        for number, step in enumerate(cause.fix, start=1):
            paragraph(out, step, indent=f"    {number}. ")
        # Never wrapped or cut: it is there to be clicked.
        out.print(Text(f"    {plain(cause.source, 200)}", style="dim"), soft_wrap=True)


def _foot(out: Console, sight: Sight, now: datetime) -> None:
    verdict, zone = sight.verdict, sight.zone
    account = words.account_sentence(verdict.account, now, zone)
    lines = [line for line in (words.services_sentence(verdict.services, zone),) if line]
    lines += list(words.watcher_sentences(sight.watching, now, zone))
    if account or lines or sight.problems:
        out.print()
    if account:
        _quota(out, verdict, zone, now)
        paragraph(out, account)
    for line in lines:
        paragraph(out, line)
    for problem in sight.problems:
        paragraph(out, f"! {problem.sentence} {problem.fix}", hang=2, style="yellow")


def _quota(out: Console, verdict: Verdict, zone: tzinfo, now: datetime) -> None:
    quota = verdict.account.quota
    if quota is None:
        return
    room = 16 if out.width >= _MIDDLE else 10
    share = min(1.0, quota.used / quota.total)
    # Rounded down, so that a bar is full only when the storage is; never empty while something is used.
    full = room if words.reads_full(quota) else max(int(share * room), 1 if quota.used > 0 else 0)
    used, free = ("█", "░") if can_draw(out) else ("#", "-")
    style = "red" if share >= 0.98 else "yellow" if share >= 0.9 else "green"
    bar = Text("iCloud storage  ").append(used * full, style=style).append(free * (room - full), style="dim")
    said = words.storage_words(verdict.account, now, zone)
    if bar.cell_len + 2 + cell_len(said) <= out.width:
        out.print(bar.append(f"  {said}"), no_wrap=True)
    else:
        out.print(bar, no_wrap=True)
        paragraph(out, said, indent=" " * 16)


def _fit(cell: str, width: int, *, fill: bool = False) -> str:
    """At most so many columns, an ellipsis at the end where something was cut."""
    if cell_len(cell) > width:
        return set_cell_size(set_cell_size(cell, width - 1).rstrip() + "…", width if fill else min(width, width))
    return set_cell_size(cell, width) if fill else cell


def paragraph(out: Console, sentence: str, *, indent: str = "", hang: int | None = None, style: str = "") -> None:
    """Wrapped at the console's width, later lines under the first one's text."""
    width = max(30, min(out.width, _WIDEST_PROSE))
    later = " " * (len(indent) if hang is None else hang)
    for line in wrapped(plain(sentence, 600), width, indent, later):
        out.print(Text(line, style=style), soft_wrap=True)


def wrapped(sentence: str, width: int, first: str, later: str) -> list[str]:
    """Lines of at most ``width`` columns, wide letters taking two; a word that is wider still is cut."""
    lines, line, bare = [], first, True
    for word in sentence.split():
        if not bare and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line, bare = later, True
        line += _fit(word, width - cell_len(line)) if bare else f" {word}"
        bare = False
    return [*lines, line]


def _say(out: Console, sentence: str) -> None:
    out.print(Text(plain(sentence, 600)), soft_wrap=True)


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
