"""The list of alerts: when, what, why, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from backupwatch.lookback import AlertPast, Lookback
from backupwatch.report.markup import Markup, el, join
from backupwatch.view.told import MARKS, became
from backupwatch.wording import values

AT_ONCE: Final = 10
"""So many are seen without opening the rest."""
MOST: Final = 150
"""Newest first; the rest is counted. ``history --json`` has them all."""


def section(back: Lookback, zone: tzinfo) -> Markup:
    """The alerts' part of the page."""
    newest = list(reversed(back.alerts))[:MOST]
    if newest:
        heads = [el("th", head, scope="col") for head in ("When", "What was said, and what became of it")]
        body: Markup = el(
            "table", el("thead", el("tr", heads)), el("tbody", [_row(each, back, zone) for each in newest])
        )
    else:
        body = el("p", "No alert was sent in this time.")
    left = len(back.alerts) - len(newest)
    more = f"{left} older ones are not shown here; see: backupwatch history --json"
    return el(
        "section",
        el("h2", "Alerts", id="alerts"),
        body,
        el("p", more, class_="soft") if left else None,
        aria_labelledby="alerts",
    )


def _table(alerts: Sequence[AlertPast], back: Lookback, zone: tzinfo) -> Markup:
    heads = [el("th", head, scope="col") for head in ("When", "What was said, and what became of it")]
    rows = [_row(each, back, zone) for each in alerts]
    return el("table", el("thead", el("tr", heads)), el("tbody", rows))


def _row(alert: AlertPast, back: Lookback, zone: tzinfo) -> Markup:
    entry = alert.entry
    at = entry.ended_at or entry.created_at
    local = at.astimezone(zone)
    day = f"{values.day(at, zone)} {local.year}"
    reason = MARKS.get(entry.mark, entry.mark)
    cause = f"; named cause: {entry.cause}" if entry.cause else ""
    return el(
        "tr",
        el("th", f"{day}, {local.hour:02}:{local.minute:02}", scope="row"),
        el(
            "td",
            el("strong", el("bdi", entry.message.title)),
            el("p", f"{reason[:1].upper()}{reason[1:]}{cause}.", class_="soft"),
            join(*(el("p", sentence) for sentence in became(alert, back))),
        ),
    )
