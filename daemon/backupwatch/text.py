"""The one gate for foreign text.

Whatever a phone, an account, a file or a server says passes here on its way to a notification, a terminal, a
page, a log or a metric. Facts keep the text as it came (cut to :data:`MAX_FOREIGN`); it is made safe where it
leaves, for the channel it leaves by.
"""

from __future__ import annotations

import html
import unicodedata

MAX_FOREIGN = 512
"""Characters of any one foreign text that are kept at all; Apple's own limit for a device name is far below."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


def clip(text: str, limit: int = MAX_FOREIGN) -> str:
    """At most ``limit`` characters, the last being an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


def plain(text: object, limit: int = 80) -> str:
    """One line that no terminal, log or notification can be steered by.

    Control characters, escape codes, surrogates, private-use and bidirectional controls are dropped, every run
    of white space (line breaks included) becomes one space; then it is clipped to ``limit`` characters.
    """
    raw = str(text)[: limit * 8 + 1024]
    kept = (
        " " if char.isspace() or unicodedata.category(char) in {"Zl", "Zp"} else char
        for char in _without_escapes(raw)
        if char not in _BIDI and (char.isspace() or unicodedata.category(char) not in {"Cc", "Cs", "Co", "Cn"})
    )
    return clip(" ".join("".join(kept).split()), limit)


def _without_escapes(text: str) -> str:
    """Drop whole ANSI sequences, so that ``ESC[31m`` does not leave ``[31m`` behind."""
    out: list[str] = []
    index = 0
    while index < len(text):
        char = text[index]
        if char not in "\x1b\x9b":
            out.append(char)
            index += 1
            continue
        index += 1
        if char == "\x1b" and text[index : index + 1] == "]":
            while index < len(text) and text[index] not in "\x07\x1b":
                index += 1
            index += 1
            continue
        if char == "\x9b" or text[index : index + 1] == "[":
            index += char == "\x1b"
            while index < len(text) and not "@" <= text[index] <= "~":
                index += 1
            index += 1
    return "".join(out)


def name(text: object, limit: int = 40) -> str:
    """A device's or a person's name inside one of our sentences; ``a phone without a name`` for an empty one.

    A name with right-to-left letters is wrapped in directional isolates so that it cannot reorder the sentence.
    """
    safe = plain(text, limit)
    if not safe:
        return "a phone without a name"
    if any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in safe):
        return f"{_FIRST_STRONG_ISOLATE}{safe}{_POP_ISOLATE}"
    return safe


def markup(text: str) -> str:
    """For a notification server that lists ``body-markup``: its body is parsed, so the three signs are escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def page(text: object, limit: int = 2_000) -> str:
    """For HTML text and quoted attributes."""
    return html.escape(plain(text, limit), quote=True)


def metric_label(text: object) -> str:
    """For the value of a label in the Prometheus text format."""
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')


def masked_account(apple_id: str) -> str:
    """``a•••@example.com``: enough to know one's own account by, not enough to be an address."""
    user, at, host = plain(apple_id, 254).partition("@")
    return f"{user[:1]}•••{at}{host}" if at else f"{user[:1]}•••"


def short_udid(udid: str) -> str:
    """``…001C``: the last four characters, all that a log may hold."""
    return f"…{plain(udid, 64)[-4:]}"
