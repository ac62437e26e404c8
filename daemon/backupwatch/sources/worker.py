"""The worker process: ``python -m backupwatch.sources.worker NAME``.

Reads requests from standard input, one JSON document per line, and answers each with facts as JSON lines and the
line ``{"done": true}``. It ends at end of input, and in the middle of a look when nobody reads its answers any
more. Whatever a library leaks, hangs on or crashes with ends here; the parent
(:mod:`backupwatch.sources.looker`) kills the process at the look's deadline.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import select
import sys
import threading
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


def end_with_reader(answers: int) -> None:
    """Wait until nobody can read the pipe ``answers`` any more, then end: a killed parent leaves no worker behind."""
    poll = select.poll()
    poll.register(answers, 0)  # nothing is asked for; that the other end was closed is reported all the same
    poll.poll()
    os._exit(1)


def main(name: str) -> None:
    """Serve the named source on the standard streams."""
    os.umask(0o077)  # libraries write pair records, keys and session files with the process's umask
    # The protocol keeps the real standard output for itself; a library that prints would otherwise corrupt it.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=end_with_reader, args=(answers.fileno(),), daemon=True).start()
    source = cast("Source", importlib.import_module(SOURCES[name]))
    asyncio.run(serve(source, sys.stdin, answers))


if __name__ == "__main__":
    main(sys.argv[1])
