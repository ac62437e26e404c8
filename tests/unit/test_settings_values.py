"""The plain values that the program runs on, and their way through a file and through JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import time, timedelta
from pathlib import Path

import jsonschema
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from backupwatch.settings.load import load
from backupwatch.settings.model import ConfigModel
from backupwatch.settings.render import schema
from backupwatch.settings.toml_out import toml_data, toml_value
from backupwatch.settings.values import (
    Account,
    Advanced,
    Alerts,
    Config,
    Device,
    Freshness,
    LocalBackups,
    Polling,
    Storage,
    same_device,
)

lengths = st.integers(60, 3650 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
counts = st.sampled_from(["any", "icloud", "local", "both"])
minutes = st.integers(0, 1439)
quiet = st.none() | st.tuples(minutes, minutes).filter(lambda span: (span[0] - span[1]) % 1440 >= 60).map(
    lambda span: (time(*divmod(span[0], 60)), time(*divmod(span[1], 60)))
)
words = st.text(st.characters(codec="utf-8"), max_size=100)


@st.composite
def devices(draw: st.DrawFn, general: Freshness) -> Device:
    own = st.none() | lengths
    stale, overdue = draw(own), draw(own)
    if (overdue or general.overdue_after) < (stale or general.stale_after):
        stale = overdue = None
    return Device(
        udid=draw(st.from_regex(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}|[0-9a-f]{40}", fullmatch=True)),
        name=draw(words),
        ignore=draw(st.booleans()),
        stale_after=stale,
        overdue_after=overdue,
        counts=draw(st.none() | counts),
        unseen_after=draw(own),
    )


@st.composite
def configs(draw: st.DrawFn) -> Config:
    stale, overdue = sorted((draw(lengths), draw(lengths)))
    freshness = Freshness(stale, overdue, draw(counts), draw(lengths))
    host = st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,5})?", fullmatch=True)
    reminders = st.lists(st.integers(600, 10**7).map(lambda each: timedelta(seconds=each)), max_size=5)
    folders = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0~"), max_size=9), max_size=3)
    return Config(
        freshness=freshness,
        polling=Polling(draw(lengths), draw(lengths), draw(lengths), draw(st.booleans())),
        alerts=Alerts(draw(st.booleans()), draw(quiet), tuple(draw(reminders)), draw(st.booleans())),
        account=Account(draw(st.sampled_from(["", "anna@example.com", "+86 138 0000 0000"])), draw(st.booleans())),
        local_backups=LocalBackups(tuple(Path("/" + folder) for folder in draw(folders))),
        storage=Storage(draw(st.integers(3600, 3650 * 86_400).map(lambda each: timedelta(seconds=each)))),
        devices=tuple(
            draw(st.lists(devices(freshness), max_size=3, unique_by=lambda device: same_device(device.udid)))
        ),
        advanced=Advanced(
            usbmuxd=draw(st.sampled_from(["", "/run/x y", "localhost:27015", "127.0.0.1:1"])),
            icloud=draw(host.map("https://{}/b".format) | st.just("") | st.just("http://127.0.0.1:8080")),
            system_status=draw(host.map("https://{}:8443/x.js?y=1".format)),
            ios_releases=draw(host.map("http://{}/".format)),
        ),
    )


SCHEMA = jsonschema.Draft7Validator(schema())


@settings(max_examples=60)
@given(configs())
def test_any_value_comes_back_from_a_file(config: Config) -> None:
    """Whatever can be configured can be written as TOML and read back to the same values."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(tomli_w.dumps(toml_data(config)), encoding="utf-8")
        assert load(file).config == config
        lines = [
            f"[{table}]\n" + "\n".join(f"{key} = {toml_value(value)}" for key, value in content.items())
            for table, content in toml_data(config).items()
            if table != "device"
        ]
        lines += [
            "[[device]]\n" + "\n".join(f"{key} = {toml_value(value)}" for key, value in device.items())
            for device in toml_data(config)["device"]
        ]
        file.write_text("\n".join(lines), encoding="utf-8")
        assert load(file).config == config, "one value per line, as config show writes them"


@settings(max_examples=50)
@given(configs())
def test_an_editor_never_underlines_what_the_program_takes(config: Config) -> None:
    """Every possible configuration is valid for the schema."""
    SCHEMA.validate(toml_data(config))


@settings(max_examples=50)
@given(configs())
def test_any_value_comes_back_from_json(config: Config) -> None:
    """The daemon gets from the process that read the file exactly what the file said."""
    assert Config.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    "document",
    [{}, {"freshness": 3}, {**Config().to_json(), "alerts": {}}, {**Config().to_json(), "devices": [{"udid": "x", "new": 1}]},
     {**Config().to_json(), "storage": {"warn_before_full": 1e300}}],
)  # fmt: skip
def test_json_of_another_version_is_refused(document: dict[str, object]) -> None:
    """A document that this version did not write is refused in one way, not half taken."""
    with pytest.raises(ValueError, match="not a configuration written by this version"):
        Config.from_json(document)


def test_the_defaults_are_the_documented_ones() -> None:
    """What holds without a file is what the model, and so the manual, says."""
    assert ConfigModel().values() == Config()


def test_a_phone_changes_only_what_its_table_says() -> None:
    """A phone's own limits replace the general ones; the others keep holding, however its UDID is spelt."""
    config = Config(
        freshness=Freshness(counts="local"),
        devices=(Device("00008140-001C2D3E4F50001C", stale_after=timedelta(hours=36)),),
    )
    own = config.freshness_of("00008140001c2d3e4f50001c")
    assert own == Freshness(stale_after=timedelta(hours=36), counts="local")
    assert config.freshness_of("00008140-001C2D3E4F50002C") == config.freshness


def test_the_daemons_modules_stay_small() -> None:
    """What the daemon keeps in memory brings neither the validation library nor a TOML reader along."""
    code = (
        "import sys, backupwatch.settings.values, backupwatch.settings.remote, backupwatch.settings.watch;"
        "print([name for name in ('pydantic', 'tomllib', 'tomli_w') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
