"""The scanner that finds where keys and values stand, held against tomllib."""

from __future__ import annotations

import tomllib
from typing import Any

import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backupwatch.settings.locate import halt, locate


def paths_of(data: Any, base: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Every path in parsed data; only arrays and tables have anything inside."""
    found: set[tuple[str | int, ...]] = set()
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found |= {(*base, key)} | paths_of(value, (*base, key))
    return found


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


def lies_there(text: str, line: int, column: int) -> str:
    return "\n".join([text.split("\n")[line - 1][column - 1 :], *text.split("\n")[line:]])


scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.datetimes()
    | st.dates()
    | st.times()
)
keys = st.text(st.characters(codec="utf-8"), max_size=8) | st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
tables = st.dictionaries(
    keys,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=6,
)


@given(tables)
def test_every_key_that_tomllib_reads_has_a_place(data: dict[str, Any]) -> None:
    """Whatever a TOML writer produces, the scanner finds the very keys that the reader finds."""
    text = tomli_w.dumps(data)
    assert set(locate(text)) == paths_of(tomllib.loads(text))


@settings(max_examples=50)
@given(tables)
def test_at_the_place_of_a_value_stands_that_value(data: dict[str, Any]) -> None:
    """Reading TOML from the told place on gives the value again."""
    text = tomli_w.dumps(data)
    parsed = tomllib.loads(text)
    for path, place in locate(text).items():
        value = at(parsed, path)
        if isinstance(value, (dict, list)):
            continue
        rest = lies_there(text, *place.value)
        reread = [
            tomllib.loads(f"k = {rest[:end]}")["k"]
            for end in range(1, min(len(rest), 400) + 1)
            if accepted(f"k = {rest[:end]}")
        ]
        assert value in reread


def accepted(text: str) -> bool:
    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True


pieces = st.sampled_from(
    [
        "a", "b", "a.b", '"a b"', "'c'", " . ", "=", " = ", "1", '"x"', "'y'", '"""z\n"""', "'''w\n'''", '"\\""',
        "[", "]", "[[", "]]", "{", "}", ",", "\n", "\n\n", "# note ] } \"\n", "\t", "true", "1979-05-27 07:32:00Z",
        "[a]\n", "[[a]]\n", "[a.b]\n", "[[a.b]]\n", "a = 1\n", "b = [1, 2]\n", "c = { a = 1, b.c = [ {} ] }\n", '""""""',
        "''", '""', "-inf", "é", "\ufeff",
    ]
)  # fmt: skip


@given(st.lists(pieces, max_size=14).map("".join))
@example("[[a]]\nb = 1\n[[a]]\n[a.c]\nd = 2\n[[a.e]]\n[[a.e]]\nf = 3\n")
@example('a = [ # ]\n  "]", [1, 2], { b = "}" },\n]\n')
@example("a = \"\"\"\"quoted\"\"\"\"\nb = ''''x'''''\nc = 1\n")
@example("a = 1979-05-27 07:32:00Z # when\nb = 07:32:00\n")
@example("a.b.c = 1\na.d = 2\n[e.f]\n'g.h'.i = {}\n")
def test_any_text_that_tomllib_accepts_is_understood(text: str) -> None:
    """However odd a file is laid out: what the reader takes, the scanner takes, with the same keys."""
    try:
        parsed = tomllib.loads(text)
    except ValueError:
        halt(text, len(text))  # a refused text is walked as far as it goes, without an error of its own
        return
    assert set(locate(text)) == paths_of(parsed)
