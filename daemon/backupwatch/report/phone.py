"""One phone: what is known, why it is not backed up and what to do, its nights, the age of its backup."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from backupwatch.clock import age_words
from backupwatch.judge.finding import Blamed, State
from backupwatch.judge.verdict import DeviceVerdict
from backupwatch.lookback import Lookback, PhonePast
from backupwatch.report import calendar
from backupwatch.report.gap_curve import gap_curve
from backupwatch.report.markup import Markup, el, join
from backupwatch.text import plain
from backupwatch.view import words
from backupwatch.view.nights import Night, strip_of
from backupwatch.view.past import KINDS
from backupwatch.wording import values

_GAPS = 12
"""So many of the longest gaps are listed."""


def section(
    device: DeviceVerdict,
    past: PhonePast | None,
    back: Lookback,
    zone: tzinfo,
    snoozed_until: datetime | None,
    ident: str,
    *,
    focused: bool,
) -> Markup:
    """The phone's part of the page."""
    # The one that the person came for is scrolled to and focused without a script.
    title = el("h2", el("bdi", words.called(device)), id=ident, tabindex=-1, autofocus=focused)
    return el(
        "section",
        el("div", title, badge(device.state), class_="title"),
        _facts(device, back.now, zone, snoozed_until),
        _why(device),
        _nights(past, back, zone) if past else None,
        _ages(past, back, zone) if past else None,
        class_="focus" if focused else None,
        aria_labelledby=ident,
    )


def badge(state: State) -> Markup:
    """A state in a word; the colour repeats it."""
    return el("span", words.STATE_WORDS[state], class_=f"badge s-{state.value}")


def _facts(device: DeviceVerdict, now: datetime, zone: tzinfo, snoozed_until: datetime | None) -> Markup:
    found = device.freshness
    facts = [
        ("Last iCloud backup", words.ago(found.last_cloud, now, zone)),
        ("Last local backup", words.ago(found.last_local, now, zone)),
        ("Last seen", words.ago(device.seen_at, now, zone, nothing="never")),
    ]
    if device.model or device.os_version:
        facts.append(("Model and iOS", ", ".join(part for part in (device.model, device.os_version) if part)))
    if snoozed_until is not None:
        facts.append(("Alerts snoozed until", values.minute(snoozed_until, zone)))
    return el("dl", [join(el("dt", name), el("dd", value)) for name, value in facts])


def _why(device: DeviceVerdict) -> Markup:
    evidence = [*device.freshness.evidence, *device.warnings]
    parts = [el("p", sentence, class_="soft") for sentence in evidence]
    if device.causes:
        first, *others = device.causes
        parts += [el("h3", "Why, and what to do"), _cause(first)]
        if others:
            parts.append(
                el(
                    "details",
                    el("summary", f"Other causes ({len(others)})"),
                    [_cause(cause, "later") for cause in others],
                )
            )
    elif device.state in words.NOT_BACKED_UP:
        parts += [el("h3", "Why"), el("p", "The cause is not known yet: nothing that could be checked explains it.")]
    if device.ruled_out or device.not_checked:
        parts.append(_checked(device))
    return join(*parts)


def _cause(cause: Blamed, kind: str = "") -> Markup:
    host = cause.source.removeprefix("https://").partition("/")[0]
    linked = cause.source.startswith("https://")
    return el(
        "div",
        el("h4", cause.summary),
        el("p", f"How sure: {cause.certainty.value}", class_="soft"),
        el("ul", [el("li", sentence) for sentence in cause.evidence]) if cause.evidence else None,
        el("ol", [el("li", step) for step in cause.fix]) if cause.fix else None,
        el("p", el("a", f"More at {host}", href=cause.source, rel="noreferrer noopener")) if linked else None,
        class_=f"cause {kind}".strip(),
    )


def _checked(device: DeviceVerdict) -> Markup:
    rows = [
        el("tr", el("th", out.id, scope="row"), el("td", "ruled out"), el("td", "; ".join(out.evidence)))
        for out in device.ruled_out
    ]
    rows += [
        el("tr", el("th", unknown.id, scope="row"), el("td", "not checked"), el("td", unknown.reason))
        for unknown in device.not_checked
    ]
    heads = [el("th", head, scope="col") for head in ("Cause", "Answer", "Because")]
    table = el("table", el("thead", el("tr", heads)), el("tbody", rows), class_="plainest")
    return el("details", el("summary", f"What was ruled out or could not be checked ({len(rows)})"), table)


def _nights(past: PhonePast, back: Lookback, zone: tzinfo) -> Markup:
    cloud, local, folder = (past.tracks.get(kind, ()) for kind in KINDS)
    days = max(1, (back.now - back.since).days)
    nights = strip_of(cloud, local, folder, back.now, zone, days)
    since = _known_since(past, zone)
    rows = [
        el("tr", el("th", month, scope="row"), [el("td", count, class_="n") for count in counts.values()])
        for month, counts in calendar.month_rows(nights, since)
    ]
    heads = [el("th", "Month", scope="col"), *(el("th", night.value, scope="col", class_="n") for night in Night)]
    keys = [el("li", calendar.sample(night), night.value) for night in Night]
    return join(
        el("h3", "Night by night"),
        el("figure", el("div", calendar.blocks(nights, since), class_="year"), el("ul", keys, class_="legend")),
        el(
            "details",
            el("summary", "The nights as a table"),
            el("table", el("caption", "Nights of each month"), el("thead", el("tr", heads)), el("tbody", rows)),
        ),
    )


def _known_since(past: PhonePast, zone: tzinfo) -> date | None:
    moments = [span.first_at for spans in past.tracks.values() for span in spans]
    moments += [backup.at for backup in past.past.backups]
    return min(moments).astimezone(zone).date() - timedelta(days=1) if moments else None


def _ages(past: PhonePast, back: Lookback, zone: tzinfo) -> Markup | None:
    drawn = gap_curve(past, back.since, back.now, zone)
    if drawn is None:
        return None
    gaps = sorted((part for part in past.past.stretches if part.until > back.since), key=lambda p: p.since - p.until)
    rows = [
        el(
            "tr",
            el("td", _when(part.since, zone)),
            el("td", "none yet" if part.open else _when(part.until, zone)),
            el("td", age_words(part.until - part.since)),
        )
        for part in gaps[:_GAPS]
    ]
    heads = [el("th", head, scope="col") for head in ("Backup", "Next backup", "Time between")]
    caption = el("caption", f"The longest times between two backups, {len(rows)} of {len(gaps)}")
    return join(
        el("h3", "How old the newest backup was"),
        el(
            "figure",
            drawn,
            el("figcaption", f"Dashed lines: stale after {_days(past.limits.stale_after)}, overdue after "
                             f"{_days(past.limits.overdue_after)}. A grey dashed curve: the phone was not read."),
        ),
        el(
            "details",
            el("summary", "The longest gaps as a table"),
            el("table", caption, el("thead", el("tr", heads)), el("tbody", rows)),
        ),
    )  # fmt: skip


def _when(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{values.day(at, zone)} {local.year}, {local.hour:02}:{local.minute:02}"


def _days(length: timedelta) -> str:
    return plain(age_words(length))
