"""Draw the program's mark: a phone and, over its corner, the clock that watches it.

Writes ``daemon/backupwatch/icons/backupwatch.svg`` and the PNGs beside it. Needs Chromium and ImageMagick. The small
sizes have fewer and thicker strokes, so that phone and clock are still told apart at 16 pixels. The mark brings its
own ground, and so reads the same on light and dark desktops.

    python tools/make_icons.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from backupwatch import icons

GROUND = ("#12a594", "#0b6b78")  # top, bottom
INK = "#ffffff"
DRAWN = 1024  # pixels of the picture that is scaled down


@dataclass(frozen=True)
class Shape:
    """Lengths in a square of 64 units."""

    phone: tuple[float, float, float, float, float]  # x, y, width, height, radius of the corners
    stroke: float
    home: bool  # the short line at the foot of the screen
    clock: tuple[float, float, float]  # centre x, y, radius
    gap: float  # ground left free around the clock
    hand: float
    hands: tuple[float, float]  # length of the minute and the hour hand


LARGE = Shape((15, 8, 28, 47, 7), 4, True, (43.5, 42.5, 12.5), 3.6, 3.4, (8, 6))
SMALL = Shape((14, 6, 28, 52, 8), 4, False, (42, 42, 14), 4, 4, (8, 8))  # on the grid of 16 pixels


def drawing(shape: Shape) -> str:
    """The mark as SVG."""
    x, y, width, height, radius = shape.phone
    cx, cy, r = shape.clock
    up, right = shape.hands
    middle = x + width / 2
    home = (
        f'<path d="M{middle - 4.5} {y + 6.5}h9" stroke="{INK}" stroke-width="3" stroke-linecap="round"/>'
        if shape.home
        else ""
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img" aria-label="backupwatch">
  <defs>
    <linearGradient id="ground" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="{GROUND[0]}"/><stop offset="1" stop-color="{GROUND[1]}"/>
    </linearGradient>
    <mask id="free">
      <rect width="64" height="64" fill="#fff"/><circle cx="{cx}" cy="{cy}" r="{r + shape.gap}" fill="#000"/>
    </mask>
  </defs>
  <rect width="64" height="64" rx="14" fill="url(#ground)"/>
  <g mask="url(#free)" fill="none">
    <rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" stroke="{INK}" stroke-width="{shape.stroke}"/>
    {home}
  </g>
  <circle cx="{cx}" cy="{cy}" r="{r}" fill="{INK}"/>
  <path d="M{cx} {cy - up}V{cy}H{cx + right}" fill="none" stroke="{GROUND[1]}" stroke-width="{shape.hand}"
        stroke-linecap="round" stroke-linejoin="round"/>
</svg>
"""


def render(svg: str, folder: Path, name: str) -> Path:
    """The drawing as a large PNG with a transparent surrounding."""
    page, picture = folder / f"{name}.html", folder / f"{name}.png"
    page.write_text(f"<style>body{{margin:0}}svg{{display:block;width:{DRAWN}px;height:{DRAWN}px}}</style>{svg}")
    browser = next(
        (path for tool in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(tool))), None
    )
    if browser is None:
        sys.exit("make_icons: Chromium is not installed")
    subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--default-background-color=00000000",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={DRAWN},{DRAWN}",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
    )
    return picture


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        large, small = (render(drawing(shape), folder, name) for shape, name in ((LARGE, "large"), (SMALL, "small")))
        icons.svg().write_text(drawing(LARGE))
        for size in icons.SIZES:
            source = small if size <= 32 else large
            subprocess.run(
                [
                    "convert",
                    source,
                    "-filter",
                    "Box",
                    "-resize",
                    f"{size}x{size}",
                    "-strip",
                    f"PNG32:{icons.png(size)}",
                ],
                check=True,
            )


if __name__ == "__main__":
    main()
