"""One model, every reader: the generated files are what the model says, and other programs read them the same."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomlkit

from backupwatch import paths
from backupwatch.settings import render
from backupwatch.settings.keys import all_keys, keys_of
from backupwatch.settings.load import load
from backupwatch.settings.values import Config

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT = CHECKOUT / "config" / "default.toml"
SCHEMA = json.loads((CHECKOUT / "config" / "schema.json").read_text(encoding="utf-8"))
TABLE_IN_CONTRACT = {  # the words that people and scripts rely on
    "freshness": {"stale_after": "3d", "overdue_after": "7d", "counts": "any", "unseen_after": "5d"},
    "polling": {"devices_every": "30m", "account_every": "6h", "services_every": "1h", "wifi": True},
    "alerts": {
        "desktop": True,
        "quiet_hours": "22:00-07:30",
        "remind_after": ["1d", "2d", "4d", "7d"],
        "recovery": True,
    },
    "account": {"apple_id": "", "china_mainland": False},
    "local_backups": {"folders": []},
    "storage": {"warn_before_full": "14d"},
    "advanced": {
        "usbmuxd": "",
        "icloud": "",
        "system_status": "https://www.apple.com/support/systemstatus/data/system_status_en_US.js",
        "ios_releases": "https://sofafeed.macadmins.io/v2/ios_data_feed.json",
    },
}


def uncommented(text: str) -> str:
    """Every key of the default file switched on, as a person would do it by taking the # away."""
    return re.sub(r"^#(?=[a-z_]+ = |\[\[)", "", text, flags=re.MULTILINE)


def test_the_generated_files_are_up_to_date() -> None:
    """`make generate` would change nothing."""
    outdated = [
        str(file) for file, text in render.generated(CHECKOUT).items() if file.read_text(encoding="utf-8") != text
    ]
    assert outdated == []


def test_the_default_file_changes_nothing() -> None:
    """As it comes, the default file means exactly what no file means."""
    assert load(DEFAULT).config == Config()


def test_the_default_file_shows_every_key_with_the_promised_default() -> None:
    """Taking all # away gives every key once, with the default that the manual promises, and a whole example of a phone."""
    text = uncommented(DEFAULT.read_text(encoding="utf-8"))
    data = tomllib.loads(text)
    (phone,) = data.pop("device")
    assert data == TABLE_IN_CONTRACT
    assert set(phone) == set(keys_of("device"))


def test_the_uncommented_default_file_is_right(tmp_path: Path) -> None:
    """Nobody who takes every # away is told of a mistake."""
    file = tmp_path / "config.toml"
    file.write_text(uncommented(DEFAULT.read_text(encoding="utf-8")), encoding="utf-8")
    assert load(file).warnings == ()


def test_an_independent_parser_reads_the_default_file_alike() -> None:
    """tomlkit, which shares no code with Python's own reader, sees the same values."""
    for text in (DEFAULT.read_text(encoding="utf-8"), uncommented(DEFAULT.read_text(encoding="utf-8"))):
        assert tomlkit.parse(text).unwrap() == tomllib.loads(text)


def test_the_default_file_is_comfortable_to_read() -> None:
    """It names its schema for editors, no line runs off the screen, and every key has words above it."""
    lines = DEFAULT.read_text(encoding="utf-8").split("\n")
    assert lines[0] == "#:schema ./schema.json"
    assert max(map(len, lines)) <= 100
    for number, line in enumerate(lines):
        if re.match(r"#?[a-z_]+ = ", line):
            assert lines[number - 1].startswith("# ")


def test_every_key_says_what_it_is() -> None:
    """Each key has a description, what is allowed, and an example that differs from its default and is right."""
    for key in all_keys():
        assert key.description.endswith("."), key.dotted
        assert key.allowed, key.dotted
        assert tomllib.loads(f"k = {key.example}")["k"] != key.default, key.dotted


def test_every_example_is_right(tmp_path: Path) -> None:
    """The examples that the manual, the schema and the errors show can be pasted."""
    file = tmp_path / "config.toml"
    for key in all_keys():
        head = '[[device]]\nudid = "00008140-001C2D3E4F50001C"\n' if key.table == "device" else f"[{key.table}]\n"
        if key.name != "udid":
            file.write_text(f"{head}{key.name} = {key.example}\n", encoding="utf-8")
            load(file)


def test_the_schema_is_one() -> None:
    """An independent validator takes the schema for a valid one."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def valid(data: dict[str, Any]) -> bool:
    return jsonschema.Draft7Validator(SCHEMA).is_valid(json.loads(json.dumps(data, default=str)))


@pytest.mark.parametrize(
    "text", ["", DEFAULT.read_text(encoding="utf-8"), uncommented(DEFAULT.read_text(encoding="utf-8"))]
)
def test_the_schema_takes_good_files(text: str) -> None:
    """An editor shows no squiggle in the default file, however much of it is switched on."""
    assert valid(tomllib.loads(text))


def test_the_schema_takes_every_example() -> None:
    """Nor in anything that the program itself suggests."""
    for key in all_keys():
        value = tomllib.loads(f"k = {key.example}")["k"]
        entry = {"udid": "00008140-001C2D3E4F50001C", key.name: value}
        assert valid({"device": [entry]} if key.table == "device" else {key.table: {key.name: value}}), key.dotted


def test_the_shipped_files_are_found() -> None:
    """The installed program finds the same two files."""
    assert paths.shipped("config/default.toml").read_text(encoding="utf-8") == render.default_toml()
    assert json.loads(paths.shipped("config/schema.json").read_text(encoding="utf-8")) == SCHEMA


def test_the_readme_table_lists_every_key() -> None:
    """The README's table is made from the model, between its two marks, and leaves the rest alone."""
    readme = f"before\n{render.TABLE_BEGINS}\nold\n{render.TABLE_ENDS}\nafter\n"
    renewed = render.with_table(readme)
    assert renewed.startswith(f"before\n{render.TABLE_BEGINS}\n| key | default |")
    assert renewed.endswith(f"|\n{render.TABLE_ENDS}\nafter\n")
    assert render.with_table(renewed) == renewed
    assert render.with_table("no marks\n") == "no marks\n"
    rows = [line for line in renewed.split("\n") if line.startswith("| `[")]
    assert len(rows) == len(all_keys())
