"""``backupwatch doctor``: one line per thing that the watch needs, and under it what mends it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from backupwatch import clock, log, text
from backupwatch.cli.lines import colours
from backupwatch.cli.progress import Progress
from backupwatch.doctor import Level, Result, examine, exit_code, look_around, situation, worst

_MARKS: Final = {Level.OK: "ok", Level.WARNING: "warning", Level.BROKEN: "BROKEN"}
_COLOURS: Final = {Level.OK: "32", Level.WARNING: "33", Level.BROKEN: "1;31"}
_INDENT: Final = 9


def run(config_path: Path | None, *, as_json: bool) -> int:
    """Examine and print; 0 all is well, 1 something wants attention, 2 something is broken."""
    log.configure(level="error")
    now = clock.utc_now()
    before = situation(config_path, now)

    async def examined() -> list[Result]:
        with Progress() as progress:
            facts = await look_around(before, progress.fact)
        return await examine(dataclasses.replace(before, facts=facts))

    results = asyncio.run(examined())
    if as_json:
        rows = [
            {"id": each.id, "level": each.level.value, "sentence": each.sentence, "fix": each.fix or None}
            for each in results
        ]
        document = {"schema": 1, "generated_at": clock.rfc3339(now), "state": worst(results).value, "results": rows}
        json.dump(document, sys.stdout, indent=2)
        print()
    else:
        width = min(100, shutil.get_terminal_size((80, 24)).columns)
        print("\n".join(lines(results, width, colour=colours(sys.stdout))))
    return exit_code(results)


def lines(results: Sequence[Result], width: int, *, colour: bool = False) -> list[str]:
    """The results as a person reads them; none is wider than ``width`` columns unless a word alone is."""
    told = []
    for result in results:
        mark = f"{_MARKS[result.level]:<{_INDENT}}"
        first, *rest = _wrapped(f"{result.sentence}.", width, first=mark)
        if colour:
            first = f"\x1b[{_COLOURS[result.level]}m{mark}\x1b[0m{first[_INDENT:]}"
        told += [first, *rest]
        if result.fix:
            told += _wrapped(result.fix, width, first=" " * _INDENT + "→ ")
    bad = sum(result.level is not Level.OK for result in results)
    told.append("")
    told.append("All is well." if not bad else f"{bad} of {len(results)} things want attention.")
    return told


def _wrapped(sentence: str, width: int, *, first: str) -> list[str]:
    return textwrap.wrap(
        text.plain(sentence, 600),
        width=max(40, width),
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
