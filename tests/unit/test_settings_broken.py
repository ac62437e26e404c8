"""A table of broken files: every mistake is found at once, at its exact line and column, with a way out."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from backupwatch.settings.load import load
from backupwatch.settings.problems import InvalidConfigError
from backupwatch.settings.render import schema

MARK = "▸"
TABLE = Path(__file__).parent / "data" / "broken_configs.txt"


@dataclass(frozen=True)
class Broken:
    title: str
    text: str
    places: list[tuple[int, int]]
    expected: list[tuple[str, str]]


def _read(block: str) -> Broken:
    title, _, rest = block.partition("\n")
    lines = rest.rstrip("\n").split("\n")
    expected = []
    while lines[-1].startswith("! "):
        key, _, words = lines.pop().removeprefix("! ").partition("| ")
        expected.insert(0, (key.strip(), words))
    marked = "\n".join(lines).replace("␉", "\t").replace("␍", "\r").replace("␁", "\x01") + "\n"
    places = []
    for number, line in enumerate(marked.split("\n"), 1):
        for nth, at in enumerate(at for at, char in enumerate(line) if char == MARK):
            places.append((number, at - nth + 1))
    return Broken(title, marked.replace(MARK, ""), places, expected)


CASES = [_read(block) for block in TABLE.read_text(encoding="utf-8").split("=== ")[1:] if "\n! " in block]


@pytest.mark.parametrize("broken", CASES, ids=lambda broken: broken.title.replace(" ", "-"))
def test_every_mistake_is_shown_at_its_line_and_column(broken: Broken, tmp_path: Path) -> None:
    """Every mistake in the file is told at once, where it stands, with what is allowed or a way out."""
    file = tmp_path / "config.toml"
    file.write_bytes(broken.text.encode())
    with pytest.raises(InvalidConfigError) as caught:
        load(file)
    problems = caught.value.problems
    assert [(problem.line, problem.column) for problem in problems] == broken.places
    for problem, (key, words) in zip(problems, broken.expected, strict=True):
        assert problem.key.endswith(key)
        assert words in problem.sentence()
        assert problem.file == file
        assert problem.source_line == broken.text.replace("\r", "").split("\n")[problem.line - 1]
    assert caught.value.exit_code == 2


def test_the_table_is_long_enough() -> None:
    """The promise is shown with at least sixty different broken files."""
    assert len({broken.text for broken in CASES}) >= 60


@pytest.mark.parametrize("broken", CASES, ids=lambda broken: broken.title.replace(" ", "-"))
def test_the_caret_stands_under_the_mistake(broken: Broken, tmp_path: Path) -> None:
    """In the terminal report the caret points at the same character that the column names."""
    file = tmp_path / "config.toml"
    file.write_bytes(broken.text.encode())
    with pytest.raises(InvalidConfigError) as caught:
        load(file)
    for problem in caught.value.problems:
        if len(problem.source_line) > 100 or not problem.source_line.strip():
            continue
        quoted, caret = problem.lines()[1:3]
        assert quoted.startswith(f"{problem.line:>5} | ")
        before = problem.source_line[: problem.column - 1].replace("\t", "    ")
        assert caret.index("^") == len("    1 | ") + sum(_WIDTH.get(char, 1) for char in before)


_WIDTH = dict.fromkeys("安娜的手机表👩👧", 2) | {"\u200d": 0}


def test_an_editor_underlines_most_mistakes_by_the_schema() -> None:
    """An independent validator refuses most of the broken files; the rest shows only when the values are read."""
    taken = []
    for broken in CASES:
        try:
            data = json.loads(json.dumps(tomllib.loads(broken.text), default=str))
        except ValueError:
            continue  # an editor sees broken syntax without a schema
        if jsonschema.Draft7Validator(schema()).is_valid(data):
            taken.append(broken.title)
    assert len(taken) <= 30, taken


@pytest.mark.parametrize(
    "text",
    [
        "[alerts]\ndesktop = '\x1b[31mred'\n",
        '[alerts]\n"\\u001b]0;title\\u0007" = true\n',
        '[freshness]\ncounts = "\\u001b[2J\\u202Eyna"\n',
        "# \x1b[2J\n[alerts]\ndesktop = 1 # \u202e\n",
        "\x9b31m = 1\n",
    ],
)
def test_no_file_steers_the_terminal(text: str, tmp_path: Path) -> None:
    """Escape codes and reversed letters of a hostile file are shown as harmless signs, or not at all."""
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfigError) as caught:
        load(file)
    for shown in (caught.value.report(), caught.value.line()):
        assert not set(shown) & set("\x1b\x07\x9b\u202e")
