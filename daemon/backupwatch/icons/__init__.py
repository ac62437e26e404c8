"""The program's mark, drawn by ``tools/make_icons.py``: ``backupwatch.svg`` and PNGs of the usual sizes."""

from __future__ import annotations

from pathlib import Path

SIZES = (16, 24, 32, 48, 64, 128, 256)
"""Pixels of the PNG files."""


def png(size: int = 128) -> Path:
    """The absolute path of the mark as a PNG of ``size`` pixels, one of :data:`SIZES`."""
    return Path(__file__).resolve().parent / f"backupwatch-{size}.png"


def svg() -> Path:
    """The absolute path of the mark as SVG."""
    return Path(__file__).resolve().parent / "backupwatch.svg"
