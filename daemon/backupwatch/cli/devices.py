"""``backupwatch devices``: every iPhone and iPad known or attached, paired or not, and how it is reached."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Final

from backupwatch import clock, log, paths
from backupwatch import round as rounds
from backupwatch.cli.lines import say
from backupwatch.cli.opening import store_for_looking
from backupwatch.cli.progress import Progress
from backupwatch.cli.quick_config import quick_config
from backupwatch.doctor_phones import usbmuxd_cure, usbmuxd_socket
from backupwatch.facts import kinds
from backupwatch.facts.observation import Fact, Observation
from backupwatch.facts.snapshot import View
from backupwatch.judge.watcher import rests
from backupwatch.sources.looker import Looker, sweep
from backupwatch.text import plain
from backupwatch.wording import values
from backupwatch.zone import local_zone

if TYPE_CHECKING:
    from backupwatch.cli.app import Root

_TRUST: Final = {
    "trusted": "paired",
    "never": "not paired; run: backupwatch pair",
    "lost": "pairing lost; run: backupwatch pair",
}


def run(root: Root, *, as_json: bool) -> int:
    """Print the list; 1 if nobody could be asked, else 0."""
    log.configure(level="info" if root.verbose else "error")
    sweep()
    config = quick_config(root.config_path)
    now = clock.utc_now()
    store = store_for_looking(now)
    watch = rounds.Watch(config, store, Looker(), paths.state_dir(), local_zone)

    reached: set[str] = set()

    async def look() -> None:
        with Progress() as progress:

            def heard(fact: Fact) -> None:
                progress.fact(fact)
                if isinstance(fact, Observation) and fact.kind == kinds.CONNECTION:
                    reached.add(fact.subject.id)

            await rounds.look(watch, ["iphone"], now, listen=False, on_fact=heard)

    try:
        asyncio.run(look())
        snapshot = store.snapshot(now)
    finally:
        store.close()
    blind, no_browse = snapshot.host.blind("iphone"), snapshot.host.blind("iphone:wifi-browse")
    rows = [_row(udid, view, here=udid in reached) for udid, view in sorted(snapshot.phones.items())]
    if as_json:
        json.dump({"schema": 1, "generated_at": clock.rfc3339(now), "devices": rows}, sys.stdout, indent=2)
        print()
    else:
        _print(rows)
    if no_browse is not None:  # what is on the cable was seen all the same
        say(f"{no_browse.sentence}.")
    if blind is None or rests(snapshot.host, blind, sys.platform):
        return 0
    fix = usbmuxd_cure(blind.reason, sys.platform, usbmuxd_socket(config, os.environ))
    say(f"{blind.sentence}. {fix}.")
    return 1


def _row(udid: str, view: View, *, here: bool) -> dict[str, object]:
    """:param here: whether it was reached in this look."""

    def text(kind: str) -> str | None:
        reading = view.text(kind)
        return plain(reading.value) if reading else None

    way = view.newest(kinds.CONNECTION) if here else None
    access = view.flag(kinds.WIFI_ACCESS)
    return {
        "udid": udid,
        "name": text(kinds.NAME),
        "model": text(kinds.MODEL),
        "os_version": text(kinds.OS_VERSION),
        "trust": text(kinds.TRUST),
        "connection": way.value if way else None,
        "wifi_access": access.value if access else None,
        "seen_at": clock.rfc3339(view.last_seen) if view.last_seen else None,
        "problem": next((b.sentence for b in view.blinds if b.look == "iphone"), None),
    }


def _print(rows: list[dict[str, object]]) -> None:
    if not rows:
        say("No iPhone is attached or known. Connect one with a cable, unlock it and run: backupwatch pair", sys.stdout)
        return
    for row in rows:
        print(f"{row['name'] or 'a phone without a name'}  ({row['model'] or '?'}, iOS {row['os_version'] or '?'})")
        print(f"  {row['udid']}")
        way = {"usb": "by cable", "wifi": "over Wi-Fi"}.get(str(row["connection"]), "not reached now")
        seen = ""
        if row["connection"] is None and row["seen_at"]:
            seen = f", last seen {values.minute(clock.parse_rfc3339(str(row['seen_at'])), local_zone())}"
        print(f"  {way}{seen}; {_TRUST.get(str(row['trust']), 'pairing unknown')}")
        if row["problem"]:
            print(f"  {row['problem']}")
