"""HTML by construction: every text passes the gate, so nothing foreign can become markup."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from backupwatch.text import page

_HARMLESS: Final = re.compile(r"[A-Za-z0-9 .,:;#()/_%+-]*")
"""Nothing here could be an escape, a control character or markup: most attributes need no closer look."""
_VOID: Final = frozenset({"meta", "link", "img"})
_DRAWN: Final = frozenset({"path", "rect", "circle"})
"""Elements of SVG that close themselves when they are empty; HTML reads that only inside an ``svg``."""
_LONGEST: Final = 2_000


class Markup(str):
    """Text that is markup already, made by :func:`el` or written in this program."""

    __slots__ = ()


Child: TypeAlias = "str | int | float | Markup | None | list[Markup]"
Value: TypeAlias = "str | int | float | bool | None"


def el(tag: str, *children: Child, **attributes: Value) -> Markup:
    """One element.

    :param children: markup, text (escaped), lists of markup; None is left out.
    :param attributes: ``class_`` and ``aria_label`` stand for ``class`` and ``aria-label``; None and False leave
        the attribute out, True gives one without a value.
    """
    opened = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}"
    if tag in _VOID:
        return Markup(f"{opened}>")
    inside = join(*children)
    if tag in _DRAWN and not inside:
        return Markup(f"{opened}/>")
    return Markup(f"{opened}>{inside}</{tag}>")


def join(*children: Child) -> Markup:
    """Several pieces after one another."""
    return Markup("".join(_child(child) for child in children if child is not None))


def safe(text: str) -> str:
    """For text and attributes."""
    return text if len(text) <= _LONGEST and _HARMLESS.fullmatch(text) else page(text, _LONGEST)


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    short = f"{value:.1f}"
    return short.removesuffix(".0")


def _child(child: Child) -> str:
    if isinstance(child, Markup):
        return child
    if isinstance(child, list):
        return "".join(child)
    return number(child) if isinstance(child, int | float) else safe(str(child))


def _attribute(name: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if name == "viewbox":
        name = "viewBox"
    if value is True:
        return f" {name}"
    if isinstance(value, Markup):
        return f' {name}="{value}"'
    return f' {name}="{number(value) if isinstance(value, int | float) else safe(value)}"'
