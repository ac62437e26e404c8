"""How fast what is known is shown, on a memory of ten phones and ten years: ``python tools/bench_views.py [--runs N]``.

Prints medians, ratios and targets. Nothing here is a test: a busy machine makes every figure larger and leaves the
ratios about where they are. The competitors take turns, so that a machine that gets slower meanwhile is unfair to
nobody. CPU seconds stand beside the seconds on the wall, since those tell little on a machine that does other work.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "unit"))

from years import years

BARE = [sys.executable, "-c", "import typer, rich.console, rich.table"]
"""What any such program pays before its first own line."""
PROGRAM = [sys.executable, "-m", "backupwatch"]


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds on the wall and of the processor."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--phones", type=int, default=10)
    parser.add_argument("--years", type=float, default=10)
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="backupwatch-bench-") as name:
        folder = Path(name)
        store = folder / "state" / "watch.sqlite3"
        years(store, phones=chosen.phones, days=int(chosen.years * 365.25), now=datetime.now(UTC)).close()
        config = folder / "config.toml"
        config.write_text('[account]\napple_id = "anna@example.com"\n', "utf-8")
        config.chmod(0o600)
        environment = {
            **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
            "BACKUPWATCH_STATE_DIR": str(folder / "state"),
            "BACKUPWATCH_CONFIG": str(config),
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),  # as pip leaves an installed program: compiled
        }
        page = folder / "report.html"
        commands = {
            "python with typer and rich": BARE,
            "status": [*PROGRAM, "status"],
            "status --json": [*PROGRAM, "status", "--json"],
            "history": [*PROGRAM, "history"],
            "report": [*PROGRAM, "report", "--force", "--output", str(page)],
        }
        for command in commands.values():
            timed(command, environment)  # compiled, and the configuration kept
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(chosen.runs):
            for label, command in commands.items():
                found[label].append(timed(command, environment))
        size = store.stat().st_size / 1e6
        print(f"{chosen.phones} phones, {chosen.years:g} years, {size:.0f} MB; medians of {chosen.runs} runs\n")
        print(f"{'':28}{'wall s':>8}{'CPU s':>8}{'ratio':>8}  target")
        base = statistics.median(cpu for _, cpu in found["python with typer and rich"])
        for label, runs in found.items():
            wall, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
            target = {"status": "at most 3 times", "report": "under 2 s"}.get(label, "")
            print(f"{label:28}{wall:8.2f}{cpu:8.2f}{cpu / base:8.1f}  {target}")
        print(f"\nthe report: {page.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
