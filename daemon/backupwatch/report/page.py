"""The page as a whole: one file without scripts, which loads nothing and sends nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from importlib import resources

from backupwatch import __version__, icons
from backupwatch.judge.verdict import DeviceVerdict, Verdict
from backupwatch.judge.watcher import Problem
from backupwatch.lookback import Lookback
from backupwatch.report import account, alerts, phone
from backupwatch.report.markup import Markup, el, join
from backupwatch.text import clip
from backupwatch.view import words
from backupwatch.view.words import Watching
from backupwatch.wording import values


@dataclass(frozen=True)
class Matter:
    """All that the page tells.

    :ivar back: the past, for as long as the pictures reach back.
    :ivar focus: the UDID of the phone that is shown first and focused, or None.
    """

    verdict: Verdict
    back: Lookback
    zone: tzinfo
    problems: Sequence[Problem] = ()
    snoozes: Mapping[str, datetime] = field(default_factory=dict)
    watching: Watching = field(default_factory=Watching)
    focus: str | None = None


def anchor(udid: str) -> str:
    """The id of a phone's part of the page."""
    return f"phone-{re.sub('[^A-Za-z0-9-]', '-', udid)[:64]}"


def render(matter: Matter) -> str:
    """The whole file."""
    style = resources.files("backupwatch.report").joinpath("style.css").read_text("utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=Markup(policy)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", clip(f"backupwatch: {words.headline(matter.verdict)}", 70)),
        el("link", rel="icon", type="image/png", href=_icon(32)),
        el("style", Markup(style)),
    )
    body = el(
        "body",
        el("a", "Skip to the phones", class_="skip", href="#phones"),
        _header(matter),
        el("main", _sections(matter), id="phones", tabindex=-1),
        _footer(),
    )
    return f"<!DOCTYPE html>\n{el('html', head, body, lang='en')}\n"


def _header(matter: Matter) -> Markup:
    now, zone = matter.verdict.generated_at, matter.zone
    year = now.astimezone(zone).year
    lines = [el("p", f"As it was on {values.day(now, zone)} {year}, {_clock(now, zone)}.", class_="made")]
    lines += [el("p", line, class_="made") for line in words.watcher_sentences(matter.watching, now, zone)]
    lines += [el("p", f"{each.sentence} {each.fix}", class_="s-stale") for each in matter.problems]
    if services := words.services_sentence(matter.verdict.services, zone):
        lines.append(el("p", services, class_="s-stale"))
    picture = el("img", src=_icon(128), alt="backupwatch", width=48, height=48)
    return el("header", picture, el("div", el("h1", words.headline(matter.verdict)), lines))


def _sections(matter: Matter) -> list[Markup]:
    devices = sorted(matter.verdict.devices, key=lambda device: device.udid != matter.focus)
    pasts = {each.udid: each for each in matter.back.phones}
    parts = [_overview(matter, devices)] if devices else []
    parts += [
        phone.section(
            device, pasts.get(device.udid), matter.back, matter.zone, matter.snoozes.get(device.udid),
            anchor(device.udid), focused=device.udid == matter.focus,
        )
        for device in devices
    ]  # fmt: skip
    parts += [account.section(matter.verdict, matter.back, matter.zone), alerts.section(matter.back, matter.zone)]
    return [part for part in parts if part]


def _overview(matter: Matter, devices: Sequence[DeviceVerdict]) -> Markup:
    now, zone = matter.verdict.generated_at, matter.zone
    local = any(device.freshness.last_local for device in devices)  # a column of nothing would only take room
    rows = [
        el(
            "tr",
            el("th", el("a", el("bdi", words.called(device)), href=f"#{anchor(device.udid)}"), scope="row"),
            el("td", phone.badge(device.state)),
            el("td", words.ago(device.freshness.last_cloud, now, zone)),
            el("td", words.ago(device.freshness.last_local, now, zone)) if local else None,
        )
        for device in devices
    ]
    names = ["Phone", "State", "Last iCloud backup", *(["Last local backup"] if local else [])]
    heads = [el("th", head, scope="col") for head in names]
    table = el("table", el("thead", el("tr", heads)), el("tbody", rows))
    return el(
        "section",
        el("h2", "All phones", id="all"),
        el("div", table, class_="scroll", tabindex=0, role="group", aria_label="Table of all phones"),
        aria_labelledby="all",
    )


def _footer() -> Markup:
    said = join(
        el("p", "A night counts as missed only when the phone was read afterwards and its newest backup was older; "
                "a night that nobody could look into is not seen."),
        el("p", f"Made by backupwatch {__version__}. This page loads nothing and sends nothing."),
    )  # fmt: skip
    return el("footer", said)


def _icon(size: int) -> Markup:
    return Markup(f"data:image/png;base64,{base64.b64encode(icons.png(size).read_bytes()).decode()}")


def _clock(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local.hour:02}:{local.minute:02}"
