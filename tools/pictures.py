"""Remake the pictures of the README from the simulator: ``make pictures``.

They are the real thing: a story is told through the real workers into a real store, ``status`` and ``report`` show
what is in it, and the notification is the demo's, on a real notification server. Needs Chromium, ImageMagick, Xvfb
and dunst, as the tests do.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "desktop"))

from harness import Desktop  # noqa: E402 - the tests' desktop
from rich.console import Console  # noqa: E402

from backupwatch import clock, control, log  # noqa: E402
from backupwatch.cli import report, show, status  # noqa: E402
from backupwatch.delivery.terminal import TerminalChannel  # noqa: E402
from backupwatch.report import render  # noqa: E402
from backupwatch.settings.values import Account, Config  # noqa: E402
from backupwatch.simulator import scenario  # noqa: E402
from backupwatch.store import open_store  # noqa: E402
from backupwatch.story import telling  # noqa: E402

OUT = HERE.parent / "docs" / "pictures"
TODAY = datetime(2026, 11, 22, 8, 5, tzinfo=UTC)
"""A fixed day, so that the same program makes the same pictures."""
COLOURS = "128"
"""Of a picture: enough for smooth letters, and a quarter of the bytes."""

TERMINAL = """<!DOCTYPE html><meta charset="utf-8"><style>
body{{margin:0;background:#fff}}
div{{margin:14px;background:#10151b;border-radius:10px;box-shadow:0 2px 8px #0006;display:inline-block}}
p{{margin:0;padding:9px 14px;color:#8b96a3;font:13px "DejaVu Sans",sans-serif}}
pre{{margin:0;padding:2px 18px 18px;color:#dfe6ee;font:14px/1.35 "DejaVu Sans Mono",monospace}}
{stylesheet}
</style><div><p>$ backupwatch status</p><pre>{code}</pre></div>"""


async def tell(folder: Path) -> Config:
    """Tell the story of the pictures into ``folder``."""
    told = scenario.load(HERE / "pictures.toml")
    quiet = TerminalChannel(io.StringIO())
    async with telling(told, folder, [quiet], today=TODAY) as telling_:
        for number, moment in enumerate(telling_.moments(), start=1):
            if moment <= TODAY:
                await telling_.look_at(moment)
                print(f"\r{number} looks", end="", file=sys.stderr, flush=True)
        account = telling_.watch.config.account
    print(file=sys.stderr)
    return Config(account=Account(apple_id=account.apple_id))


def note_the_daemon(state: Path) -> None:
    """What a daemon that has run for some weeks notes of itself."""
    store = open_store(state / "watch.sqlite3", TODAY, thorough=False)
    store.set_meta("started_at", clock.rfc3339(TODAY - timedelta(days=23, hours=4)))
    store.plan({"iphone": TODAY + timedelta(minutes=17)})
    store.close()


def draw_status(config: Config, folder: Path) -> None:
    """``status`` as an 80-column terminal shows it."""
    known = status.known_at(config, TODAY)
    out = Console(width=80, record=True, file=io.StringIO(), force_terminal=True, color_system="standard")
    strips = show.strips_of(known.snapshot, UTC)
    show.print_sight(show.Sight(known.verdict, UTC, known.problems, known.snoozes, strips, known.watching), out)
    page = folder / "status.html"
    page.write_text(out.export_html(theme=_theme(), code_format=TERMINAL, inline_styles=False), "utf-8")
    shoot(page, "status.png", "748,1000", trim=True)


def draw_report(config: Config, folder: Path) -> None:
    """The top of the report, and how it looks in the dark on a telephone."""
    page = folder / "report.html"
    page.write_text(render(report.gathered(config, TODAY, None)), "utf-8")
    shoot(page, "report.png", "960,1680")
    shoot(page, "report-dark.png", "960,1680", "--blink-settings=preferredColorScheme=0")


def draw_notification(folder: Path) -> None:
    """The demo's alert on a real notification server."""
    with Desktop(folder / "desktop", size="560x300") as desktop:
        command = [sys.executable, "-m", "backupwatch", "demo", "--scenario", "icloud-storage-full"]
        subprocess.run(command, env=desktop.env, check=True, capture_output=True, timeout=180)
        raw = desktop.screenshot(folder / "notification.png", crop=True)
    # The empty screen is black, and so would be the corners of the message.
    shrink(raw, OUT / "notification.png", "-fill", "#dde5ec", "-draw", "color 0,0 floodfill")


def shoot(page: Path, name: str, size: str, *options: str, trim: bool = False) -> None:
    """A picture of a page, by Chromium."""
    raw = page.with_name(name)
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            f"--user-data-dir={page.parent / 'browser'}", f"--window-size={size}", f"--screenshot={raw}", *options,
            page.as_uri(),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    shrink(raw, OUT / name, *(["-trim", "+repage", "-bordercolor", "white", "-border", "6"] if trim else []))


def shrink(raw: Path, to: Path, *options: str) -> None:
    """The same picture in fewer colours and bytes."""
    command = ["convert", str(raw), *options, "-strip", "+dither", "-colors", COLOURS, f"png8:{to}"]
    subprocess.run(command, check=True, timeout=120)


def _theme():  # type: ignore[no-untyped-def]
    from rich.terminal_theme import TerminalTheme

    normal = [(59, 66, 75), (255, 107, 107), (76, 190, 100), (229, 178, 66), (90, 160, 240), (200, 130, 220),
              (80, 200, 215), (223, 230, 238)]  # fmt: skip
    return TerminalTheme((16, 21, 27), (223, 230, 238), normal, normal)


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    os.environ["TZ"] = "UTC"
    log.configure(level="error")
    with tempfile.TemporaryDirectory(prefix="backupwatch-pictures-") as name:
        folder = Path(name)
        config = asyncio.run(tell(folder))
        os.environ["BACKUPWATCH_STATE_DIR"] = str(folder / "state")
        note_the_daemon(folder / "state")
        lock = control.acquire()  # the page says that the watcher runs, and here it does
        try:
            draw_status(config, folder)
            draw_report(config, folder)
        finally:
            lock.release()
        draw_notification(folder)
    for picture in sorted(OUT.glob("*.png")):
        print(f"{picture.relative_to(HERE.parent)}: {picture.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
