"""How fast phones are read, side by side with what else there is, on the same simulated phones in the same minutes.

``python tools/bench_phones.py [--runs N] [--quick]`` prints medians, ratios and targets. Nothing here is a test: a
busy machine makes every figure larger and leaves the ratios about where they are. The competitors take turns
within each round, so that a machine that gets slower meanwhile is unfair to nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backupwatch.clock import rfc3339, utc_now
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

DOMAINS = (
    "", "com.apple.mobile.backup", "com.apple.mobile.battery", "com.apple.disk_usage", "com.apple.fmip",
    "com.apple.mobile.wireless_lockdown", "com.apple.purplebuddy",
)  # fmt: skip
"""Everything the look reads lies in these lockdown domains; it reads two services besides."""

BARE_SCRIPT = textwrap.dedent("""
    import asyncio, sys, time
    from pymobiledevice3.lockdown import create_using_usbmux
    from pymobiledevice3.usbmux import list_devices

    DOMAINS = sys.argv[1].split(",")

    async def read(udid):
        async with await create_using_usbmux(serial=udid, autopair=False) as client:
            return {domain: await client.get_value(domain or None) for domain in DOMAINS}

    async def main():
        return await asyncio.gather(*(read(device.serial) for device in await list_devices()))

    print(len(asyncio.run(main())))
""")
"""What one writes in ten minutes: the library's own calls, everything at once."""


@contextmanager
def phones(count: int) -> Iterator[dict[str, str]]:
    """So many simulated phones in a process of their own; answers the environment in which they are seen."""
    with TemporaryDirectory(prefix="bw", dir="/tmp") as folder:
        story = Path(folder) / "bench.toml"
        story.write_text(
            f'title = "bench"\n[[phone]]\nudid = "00008140-{{n:016x}}"\ncount = {count}\nbackups = [{{}}]\n'
            if count > 1
            else f'title = "bench"\n[[phone]]\nudid = "00008140-{1:016x}"\nbackups = [{{}}]\n'
        )
        command = [sys.executable, "-m", "backupwatch.simulator", str(story), "--folder", f"{folder}/stage"]
        command += ["--real-time", "--at", rfc3339(utc_now())]  # a phone that lives in the future is no fresh one
        stage = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert stage.stdout is not None
            addresses = json.loads(stage.stdout.readline())
            yield _environment(addresses["advanced"], Path(folder))
        finally:
            stage.terminate()
            stage.wait()


def _environment(advanced: Mapping[str, str], home: Path) -> dict[str, str]:
    config = home / "config.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in advanced.items()]
    config.write_text("[polling]\nwifi = false\n[advanced]\n" + "\n".join(lines) + "\n")
    return {
        **os.environ,
        "HOME": str(home),
        "USBMUXD_SOCKET_ADDRESS": advanced["usbmuxd"],
        "BACKUPWATCH_CONFIG": str(config),
        "BACKUPWATCH_STATE_DIR": str(home / "state"),
        "NO_COLOR": "1",
    }


# -- the competitors --------------------------------------------------------------------------------------------


def run(command: list[str], environment: Mapping[str, str], wanted: tuple[int, ...] = (0,)) -> None:
    """Run to the end, and be sure that it did its work."""
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode not in wanted:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr[-500:]}")


def shell_loop(environment: Mapping[str, str]) -> None:
    """``ideviceinfo`` per phone and domain, one after the other, as a cron job would."""
    script = (
        'for u in $(idevice_id -l); do ideviceinfo -u "$u" >/dev/null; '
        'for d in $DOMAINS; do ideviceinfo -u "$u" -q "$d" >/dev/null; done; done'
    )
    address = f"UNIX:{environment['USBMUXD_SOCKET_ADDRESS']}"
    domains = " ".join(domain for domain in DOMAINS if domain)
    run(["sh", "-c", script], {**environment, "USBMUXD_SOCKET_ADDRESS": address, "DOMAINS": domains})


def bare_script(environment: Mapping[str, str]) -> None:
    """The script above, in a Python of its own."""
    run([sys.executable, "-c", BARE_SCRIPT, ",".join(DOMAINS)], environment)


def our_look(environment: Mapping[str, str], count: int) -> Callable[[], None]:
    """One look through a fresh worker, its start included."""

    async def look() -> None:
        looker = Looker(environment={"USBMUXD_SOCKET_ADDRESS": environment["USBMUXD_SOCKET_ADDRESS"]})
        facts = await looker.look("iphone", Request(datetime.now(UTC), Path(environment["HOME"]), {}), 300)
        seen = len({fact.subject.id for fact in facts if getattr(fact, "kind", "") == "profiles"})
        if seen != count:
            raise SystemExit(f"only {seen} of {count} phones were read to the end")

    return lambda: asyncio.run(look())


# -- the comparison ---------------------------------------------------------------------------------------------


def medians(runs: int, **competitors: Callable[[], None]) -> dict[str, float]:
    """Seconds per competitor: the median of so many rounds in which each has one turn."""
    took: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(runs):
        for name, compete in competitors.items():
            started = time.perf_counter()
            compete()
            took[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def row(what: str, ours: float, theirs: float | None = None, than: str = "", target: float | None = None) -> None:
    """One line of the table."""
    ratio = "" if theirs is None else f"{ours / theirs:6.3f} of {theirs:7.3f} s {than}"
    verdict = (
        ""
        if theirs is None or target is None
        else f"target {target:g}: {'met' if ours <= target * theirs else 'MISSED'}"
    )
    print(f"{what:<44} {ours:7.3f} s  {ratio:<52} {verdict}".rstrip(), flush=True)


def twenty(runs: int) -> None:
    """Everything from twenty phones."""
    with phones(20) as environment:
        took = medians(
            runs,
            ours=our_look(environment, 20),
            bare=lambda: bare_script(environment),
        )
        loop = medians(max(1, runs // 3), loop=lambda: shell_loop(environment))["loop"]
        row("20 phones, everything", took["ours"], loop, "for a loop of ideviceinfo", 0.06)
        row("20 phones, everything", took["ours"], took["bare"], "for a bare asyncio script", 1.5)


def one(runs: int) -> None:
    """The command for one phone."""
    with phones(1) as environment:
        cli = [sys.executable, "-m", "pymobiledevice3", "lockdown", "get", "com.apple.mobile.backup"]
        took = medians(
            runs,
            check=lambda: run([sys.executable, "-m", "backupwatch", "check"], environment, (0, 1, 2)),
            ours=our_look(environment, 1),
            library=lambda: run(cli, environment),
        )
        row("backupwatch check, one phone", took["check"], took["library"], "for pymobiledevice3 lockdown get", 1.0)
        row("  of which the look itself", took["ours"])


def growth(runs: int, counts: tuple[int, ...]) -> None:
    """More phones."""
    first: float | None = None
    for count in counts:
        with phones(count) as environment:
            seconds = medians(runs, ours=our_look(environment, count))["ours"]
        each = seconds / count
        first = first or each
        row(f"{count} phones, {each * 1000:.1f} ms each", seconds, first * count, "if growth were linear", 1.25)


def start(runs: int) -> None:
    """Commands that look at nothing."""
    environment = dict(os.environ)
    python = [sys.executable, "-c", "import typer, rich"]
    took = medians(
        runs,
        version=lambda: run([sys.executable, "-m", "backupwatch", "version"], environment),
        help=lambda: run([sys.executable, "-m", "backupwatch", "--help"], environment),
        plain=lambda: run(python, environment),
    )
    for name in ("version", "help"):
        row(
            f"backupwatch {'--help' if name == 'help' else name}",
            took[name],
            took["plain"],
            "for typer and rich alone",
            1.5,
        )


def main() -> None:
    """Everything, in order."""
    parser = argparse.ArgumentParser(description="How fast phones are read, beside what else there is.")
    parser.add_argument("--runs", type=int, default=5, help="rounds of which the median is taken")
    parser.add_argument("--quick", action="store_true", help="fewer phones, one round")
    options: Any = parser.parse_args()
    runs = 1 if options.quick else options.runs
    print(f"medians of {runs} rounds, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    twenty(runs)
    one(runs)
    growth(runs, (10, 30) if options.quick else (10, 100, 300))
    start(runs)


if __name__ == "__main__":
    main()
