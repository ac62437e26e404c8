"""The account: how full it is, what fills it, when it will be full."""

from __future__ import annotations

from datetime import tzinfo

from backupwatch.judge.verdict import Verdict
from backupwatch.lookback import Lookback
from backupwatch.report.markup import Markup, el, join
from backupwatch.report.storage_chart import legend, monthly, storage_chart
from backupwatch.view import words
from backupwatch.view.quota import PARTS, daily
from backupwatch.wording import values


def section(verdict: Verdict, back: Lookback, zone: tzinfo) -> Markup:
    """The account's part of the page; empty when no account is watched."""
    now = verdict.generated_at
    said = words.account_sentence(verdict.account, now, zone)
    if not said:
        return join()
    storage = words.storage_words(verdict.account, now, zone)
    return el(
        "section",
        el("h2", "iCloud storage", id="storage"),
        el("p", f"{said}."),
        el("p", el("strong", f"{storage}.")) if storage else None,
        _chart(verdict, back, zone),
        aria_labelledby="storage",
    )


def _chart(verdict: Verdict, back: Lookback, zone: tzinfo) -> Markup | None:
    points = daily(back.quota)
    drawn = storage_chart(points, verdict.account.forecast_full_at, back.now, zone)
    if drawn is None:
        return None
    months = monthly(points)
    parts = [part for part in PARTS if any(part in point.parts for point in months)]
    heads = ["Read on", "Used, GB", "Of, GB", *(f"{part}, GB" for part in parts)]
    rows = [
        el(
            "tr",
            el("th", f"{values.day(point.at, zone)} {point.at.astimezone(zone).year}", scope="row"),
            el("td", values.gigabytes(point.used), class_="n"),
            el("td", values.gigabytes(point.total), class_="n"),
            [
                el("td", values.gigabytes(point.parts[part]) if part in point.parts else "not told", class_="n")
                for part in parts
            ],
        )
        for point in months
    ]
    cells = [el("th", head, scope="col", class_="n" if place else None) for place, head in enumerate(heads)]
    table = el(
        "table", el("caption", "The last reading of each month"), el("thead", el("tr", cells)), el("tbody", rows)
    )
    return join(
        el("figure", drawn, legend(points[-1])),
        el(
            "details",
            el("summary", "The storage as a table"),
            el("div", table, class_="scroll", tabindex=0, role="group", aria_label="The storage as a table"),
        ),
    )
