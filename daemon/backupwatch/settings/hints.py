"""What people who know other formats write, and what TOML wants instead; for lines that are no TOML."""

from __future__ import annotations

import re

from backupwatch.text import plain

_LONGEST = 500
"""Characters of a line that are looked at, so that no pattern works long on a hostile one."""

_LINES = "Each line is key = value, a [table], or a # comment."
_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (r"[“”„‘’«»]", 'Use straight quotes: ".'),
        (r"^\s*[\w-]+\s*:[^=]*$", "TOML writes key = value, not key: value."),
        (r"^\s*\[", "A table's name stands in brackets, alone on its line: [freshness]."),
        (r"^[^=]*$|^\s*=", _LINES),
        (r"==", "Write a single =."),
        (r"^\s*[\w-]+\s+[\w-]+\s*=", "A key holds no blanks, but it may hold underscores."),
        (r"=\s*$", 'There is no value; an empty text is "".'),
        (r"=\s*(true|yes|on)\s*$", "Write true, in lower case and without quotes."),
        (r"=\s*(false|no|off)\s*$", "Write false, in lower case and without quotes."),
        (r'"[^"]*\\', "In double quotes a backslash begins an escape; use single quotes for the text as it stands."),
        (r"^[^\[\]{}]*,\s*$", "No comma stands at the end of a line."),
        (r"\{[^}]*$", "A table in braces stands on one line as a whole."),
        (r"""=\s*("[^"]*"|'[^']*'|[^\s"']+)\s+[\w-]+\s*=""", "Each key stands on a line of its own."),
    )
)
_UNQUOTED = re.compile(r"\s*([\w.-]+)\s*=\s*([^\"'\[\]{}]+)")


def hint(line: str) -> str:
    """The likely slip in this line, as a sentence; empty when there is no telling."""
    bare = line[:_LONGEST].partition("#")[0].rstrip()
    for pattern, sentence in _RULES:
        if pattern.search(bare):
            return sentence
    if match := _UNQUOTED.fullmatch(bare):
        return f'Text stands in quotes: {plain(match[1], 60)} = "{plain(match[2], 60)}".'
    return ""
