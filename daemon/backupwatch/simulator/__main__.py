"""``python -m backupwatch.simulator SCENARIO --folder DIR``: a stage that stands alone until it is told to stop.

Prints one line of JSON with its addresses. A line ``at 2026-11-20T02:30:00Z`` on standard input moves its clock,
and is answered with one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from backupwatch.clock import parse_rfc3339, rfc3339
from backupwatch.errors import BackupwatchError
from backupwatch.simulator import scenario
from backupwatch.simulator.stage import Stage


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m backupwatch.simulator", description=__doc__.splitlines()[0])
    parser.add_argument("scenario", help="name of a shipped scenario, or a TOML file")
    parser.add_argument("--folder", type=Path, required=True, help="a private folder for the sockets")
    parser.add_argument("--today", type=parse_rfc3339, help="the day on which the story ends; default: today")
    parser.add_argument("--at", type=parse_rfc3339, help="the first moment; default: the story's last look")
    parser.add_argument("--real-time", action="store_true", help="let the clock run")
    parser.add_argument("--bonjour", action="store_true", help="announce phones on the loopback interface")
    return parser.parse_args()


def _say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)  # noqa: T201 - this is the program's output


async def _read_commands(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:  # in a thread: the loop can wait for pipes and terminals, but not for /dev/null and files
        # Unbuffered: a thread that holds the lock of a buffer would break the interpreter's own end.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as commands, suppress(RuntimeError):
            for line in commands:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode("utf-8", "replace").strip())

    threading.Thread(target=read, daemon=True).start()
    while line := await lines.get():
        word, _, rest = line.partition(" ")
        try:
            if word != "at":
                raise ValueError('the only command is "at" with a moment')
            await stage.move_to(parse_rfc3339(rest))
        except ValueError as error:
            _say(error=str(error))
        else:
            _say(at=rfc3339(stage.now))


async def _serve(arguments: argparse.Namespace) -> None:
    story = scenario.find(arguments.scenario)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Stage(
        story,
        arguments.folder,
        today=arguments.today,
        at=arguments.at,
        real_time=arguments.real_time,
        bonjour=arguments.bonjour,
    ) as stage:
        _say(
            at=rfc3339(stage.now),
            today=stage.today.isoformat(),
            usbmuxd=stage.usbmuxd_address,
            usbmuxd_tcp=stage.usbmuxd_tcp,
            advanced=stage.advanced,
            udids=list(stage.phones),
        )
        commands = asyncio.create_task(_read_commands(stage))
        await stop.wait()
        commands.cancel()


def main() -> int:
    """Run until SIGTERM; 2 when the scenario cannot be used."""
    try:
        asyncio.run(_serve(_arguments()))
    except BackupwatchError as error:
        print(error.line(), file=sys.stderr)  # noqa: T201 - the error border of this program
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
