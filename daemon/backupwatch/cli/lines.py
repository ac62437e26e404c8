"""Sentences on a terminal: wrapped between words there, one line each anywhere else, where programs read them."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import Final, TextIO

_WIDEST: Final = 100
_NARROWEST: Final = 40
_POOR: Final = frozenset({"dumb", "unknown"})
"""What ``TERM`` says of a terminal that writes line after line and knows no escape codes."""


def say(line: str, stream: TextIO | None = None, *, hang: int = 0) -> None:
    """Write one sentence.

    :param stream: standard error where it is left out.
    :param hang: columns by which later lines are indented.
    """
    out = sys.stderr if stream is None else stream
    if out.isatty():
        width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns))
        line = textwrap.fill(line, width, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False)
    print(line, file=out, flush=True)


def draws(stream: TextIO) -> bool:
    """Whether a line can be drawn over there: a terminal, and not one of the poorest kind."""
    return stream.isatty() and os.environ.get("TERM") not in _POOR


def colours(stream: TextIO) -> bool:
    """Whether colour is wanted there; see https://no-color.org for ``NO_COLOR``."""
    return draws(stream) and not os.environ.get("NO_COLOR")
