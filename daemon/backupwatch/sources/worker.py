"""The worker process: ``python -m backupwatch.sources.worker NAME``.

Reads requests from standard input, one JSON document per line, and answers each with facts as JSON lines and the
line ``{"done": true}``. It ends at end of input. Whatever a library leaks, hangs on or crashes with ends here;
the parent (:mod:`backupwatch.sources.looker`) kills the process at the look's deadline.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from typing import TextIO, cast

from backupwatch.facts.observation import to_line
from backupwatch.sources.look import SOURCES, Request, Source

DONE = '{"done":true}'


async def serve(source: Source, requests: TextIO, answers: TextIO) -> None:
    """Answer requests until the input ends."""
    while line := await asyncio.to_thread(requests.readline):
        request = Request.from_json(json.loads(line))
        async for fact in source.look(request):
            print(to_line(fact), file=answers, flush=True)
        print(DONE, file=answers, flush=True)


def main(name: str) -> None:
    """Serve the named source on the standard streams."""
    os.umask(0o077)  # libraries write pair records, keys and session files with the process's umask
    # The protocol keeps the real standard output for itself; a library that prints would otherwise corrupt it.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    source = cast("Source", importlib.import_module(SOURCES[name]))
    asyncio.run(serve(source, sys.stdin, answers))


if __name__ == "__main__":
    main(sys.argv[1])
