"""Several files become one configuration, and every value knows where it comes from."""

from __future__ import annotations

import asyncio
import json
from datetime import time, timedelta
from pathlib import Path

import pytest

from backupwatch.errors import BackupwatchError
from backupwatch.settings import load as loading
from backupwatch.settings import model
from backupwatch.settings.load import load
from backupwatch.settings.problems import InvalidConfigError, Origin
from backupwatch.settings.remote import load_in_subprocess
from backupwatch.settings.values import Config

ANNA, BEN = "00008140-001C2D3E4F50001C", "00008140-001C2D3E4F50002C"


class Home:
    """A configuration folder to write files into."""

    def __init__(self, folder: Path) -> None:
        self.own = folder / "config.toml"
        self.conf_d = folder / "conf.d"

    def write(self, text: str) -> None:
        self.own.write_text(text, encoding="utf-8")

    def add(self, name: str, text: str) -> Path:
        self.conf_d.mkdir(exist_ok=True)
        file = self.conf_d / name
        file.write_text(text, encoding="utf-8")
        return file


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_no_file_at_all_means_defaults(home: Home) -> None:
    """A program that was just installed runs with its defaults."""
    loaded = load(home.own)
    assert loaded.config == Config()
    assert (loaded.files, loaded.warnings, dict(loaded.origins)) == ((), (), {})


def test_a_file_that_was_asked_for_has_to_be_there(home: Home) -> None:
    """After --config a missing file is a mistake, not a reason to use defaults."""
    with pytest.raises(InvalidConfigError, match="there is no such file"):
        load(home.own, must_exist=True)


def test_the_own_file_wins_over_conf_d_and_later_names_over_earlier(home: Home) -> None:
    """Whoever wrote a value by hand keeps it; among the program's files the last in the alphabet wins."""
    first = home.add("10.toml", '[freshness]\nstale_after = "1d"\nunseen_after = "6d"\ncounts = "local"\n')
    second = home.add("20.toml", '[freshness]\ncounts = "icloud"\nstale_after = "2d"\n')
    home.write('# mine\n[freshness]\nstale_after = "4d"\n')
    loaded = load(home.own)
    assert loaded.config.freshness.stale_after == timedelta(days=4)
    assert loaded.config.freshness.counts == "icloud"
    assert loaded.origins == {
        "freshness.stale_after": Origin(home.own, 3),
        "freshness.counts": Origin(second, 2),
        "freshness.unseen_after": Origin(first, 3),
    }
    assert loaded.files == (first, second, home.own)


def test_tables_of_one_phone_are_joined_whatever_the_spelling_of_its_udid(home: Home) -> None:
    """What pairing wrote about a phone and what its owner wrote about it come together."""
    written = home.add(
        "devices.toml", f'device = [{{ udid = "{ANNA}", name = "iPhone" }}, {{ udid = "{BEN}", name = "Ben" }}]\n'
    )
    home.write(f'[[device]]\nudid = "{ANNA.replace("-", "").lower()}"\nstale_after = "36h"\n')
    config = load(home.own).config
    anna = config.device(ANNA)
    assert anna is not None
    assert (anna.name, anna.stale_after) == ("iPhone", timedelta(hours=36))
    assert [device.name for device in config.devices] == ["iPhone", "Ben"]
    assert load(home.own).origins["device.00008140001c2d3e4f50001c.name"] == Origin(written, 1)
    assert load(home.own).origins["device.00008140001c2d3e4f50001c.stale_after"] == Origin(home.own, 3)


def test_hidden_and_other_files_in_conf_d_are_left_alone(home: Home) -> None:
    """An editor's lock or backup in conf.d is not read."""
    for name in (".#x.toml", ".x.toml.swp", "x.toml~", "x.toml.bak", "README"):
        home.add(name, "this is no TOML")
    assert load(home.own).config == Config()


def test_mistakes_in_every_file_are_told_at_once(home: Home) -> None:
    """One run of the check is enough, however many files hold mistakes."""
    broken = home.add("x.toml", "[alerts]\ndesktop = maybe\n")
    home.write('[freshness]\nstale_after = "x"\n')
    with pytest.raises(InvalidConfigError) as caught:
        load(home.own)
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [(home.own, 2), (broken, 2)]
    assert "1 more mistake" in caught.value.line()
    assert caught.value.brief() == (
        "config.toml, line 2: freshness.stale_after: not a length of time: it cannot be read (1 more mistake)"
    )


def test_a_contradiction_between_two_files_names_both(home: Home) -> None:
    """Overdue in one file, stale in the other: the mistake says where the other half stands."""
    home.add("x.toml", '[freshness]\nstale_after = "9d"\n')
    home.write('[freshness]\noverdue_after = "8d"\n')
    with pytest.raises(InvalidConfigError) as caught:
        load(home.own)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == (home.own, 2, 17)
    assert 'stale_after is "9d" in x.toml' in problem.suggestion


def test_nothing_is_concluded_from_a_value_that_is_wrong_anyway(home: Home) -> None:
    """A misspelt overdue_after does not also bring a complaint about its default."""
    home.write('[freshness]\nstale_after = "9d"\noverdue_after = "x"\n')
    with pytest.raises(InvalidConfigError) as caught:
        load(home.own)
    assert [problem.line for problem in caught.value.problems] == [3]


def test_a_udid_of_no_known_phone_is_a_warning_with_the_likely_one(home: Home) -> None:
    """A slip in a UDID is noticed when the phones are known, and does not stop anything."""
    home.write(f'[[device]]\nudid = "{ANNA[:-1]}D"\n')
    assert load(home.own).warnings == ()
    (warning,) = load(home.own, known_devices=[(ANNA, "Anna's iPhone"), ("f" * 40, "Old")]).warnings
    assert f"Did you mean {ANNA} (Anna's iPhone)?" in warning
    assert f"{home.own}:2: " in warning
    assert load(home.own, known_devices=[(ANNA[:-1] + "d", "Anna")]).warnings == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[polling]\naccount_every = "1m"\n', "Apple may block"),
        ('[polling]\nservices_every = "1m"\n', "is very short"),
        ('[freshness]\nstale_after = "5h"\n', "about once a day"),
        ('[polling]\ndevices_every = "4d"\n', "less often than"),
        (f'[[device]]\nudid = "{ANNA}"\nname = "A"\n[[device]]\nudid = "{BEN}"\nname = "a"\n', "two phones are named a"),
    ],
)  # fmt: skip
def test_what_is_probably_not_meant_is_a_warning(home: Home, text: str, words: str) -> None:
    """Values that may be meant are taken, with a word about what they lead to."""
    home.write(text)
    (warning,) = load(home.own).warnings
    assert words in warning
    assert str(home.own) in warning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"22:00-07:30"', (time(22), time(7, 30))),
        ('" 9:05 – 17:00 "', (time(9, 5), time(17))),
        ('"18:00-24:00"', (time(18), time(0))),
        ('""', None),
    ],
)
def test_quiet_hours_are_read_as_people_write_them(home: Home, text: str, expected: object) -> None:
    """Blanks, a long dash, a single-digit hour and 24:00 are understood; an empty text means none."""
    home.write(f"[alerts]\nquiet_hours = {text}\n")
    assert load(home.own).config.alerts.quiet_hours == expected


def test_a_folder_below_home_is_found(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """~ means the home folder, as in a shell."""
    monkeypatch.setenv("HOME", "/home/anna")
    home.write('[local_backups]\nfolders = ["~/Backups", "~nobody-has-this-name/x", "/mnt"]\n')
    folders = load(home.own).config.local_backups.folders
    assert folders == (Path("/home/anna/Backups"), Path("~nobody-has-this-name/x"), Path("/mnt"))


class TestRenamedKeys:
    """Old names keep working for a while."""

    @pytest.fixture(autouse=True)
    def renamed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        renamed = {
            "alerts.notify": "alerts.desktop",
            "quiet.hours": "alerts.quiet_hours",
            "device.label": "device.name",
        }
        monkeypatch.setattr(model, "RENAMED", renamed)

    def test_an_old_name_is_taken_with_a_warning(self, home: Home) -> None:
        """The value counts, the origin is the old line, and the warning names the new name."""
        home.write(
            f'[alerts]\nnotify = false\n[quiet]\nhours = "20:00-06:00"\n[[device]]\nudid = "{ANNA}"\nlabel = "A"\n'
        )
        loaded = load(home.own)
        assert loaded.config.alerts.desktop is False
        assert loaded.config.alerts.quiet_hours == (time(20), time(6))
        assert loaded.config.devices[0].name == "A"
        assert loaded.origins["alerts.desktop"] == Origin(home.own, 2)
        assert loaded.origins["alerts.quiet_hours"] == Origin(home.own, 4)
        assert [warning.split(" is now called ")[1].split(";")[0] for warning in loaded.warnings] == [
            "alerts.desktop",
            "alerts.quiet_hours",
            "device.name",
        ]
        assert f"{home.own}:2: " in loaded.warnings[0]

    def test_a_wrong_value_under_an_old_name_is_shown_at_its_place(self, home: Home) -> None:
        """The mistake is where it was written."""
        home.write("[alerts]\n  notify = 3\n")
        with pytest.raises(InvalidConfigError) as caught:
            load(home.own)
        assert [(problem.line, problem.column) for problem in caught.value.problems] == [(2, 12)]

    def test_old_and_new_name_together_are_a_mistake(self, home: Home) -> None:
        """Nobody has to guess which of two values counts."""
        home.write("[alerts]\nnotify = false\ndesktop = true\n")
        with pytest.raises(InvalidConfigError) as caught:
            load(home.own)
        assert [(problem.line, problem.column) for problem in caught.value.problems] == [(2, 1)]
        assert "the old name of alerts.desktop" in caught.value.problems[0].message


class TestInAnotherProcess:
    """The daemon reads its configuration in a process of its own."""

    async def test_it_says_the_same(self, home: Home) -> None:
        """Values, origins, warnings and files are those that loading here gives."""
        home.add("x.toml", '[freshness]\ncounts = "both"\nstale_after = "2h"\n')
        home.write(f'[[device]]\nudid = "{ANNA}"\n')
        assert await load_in_subprocess(home.own) == load(home.own)

    async def test_mistakes_come_with_their_places(self, home: Home) -> None:
        """The daemon can name the line too."""
        home.write("[alerts]\ndesktop = 'ja'\n\n[x]\n")
        with pytest.raises(InvalidConfigError) as caught:
            await load_in_subprocess(home.own)
        with pytest.raises(InvalidConfigError) as here:
            load(home.own)
        assert caught.value.problems == here.value.problems

    async def test_a_process_that_fails_is_no_mistake_in_the_file(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When the process cannot work, the daemon is told to try again, not that the file is wrong."""
        monkeypatch.setattr("sys.executable", "/bin/false")
        with pytest.raises(BackupwatchError) as caught:
            await load_in_subprocess(home.own)
        assert caught.value.retry
        assert not isinstance(caught.value, InvalidConfigError)

    async def test_a_process_that_hangs_is_ended(
        self, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hanging process does not hold the daemon for ever."""
        hanging = tmp_path / "python"
        hanging.write_text("#!/bin/sh\nexec sleep 600\n")
        hanging.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(hanging))
        async with asyncio.timeout(30):
            with pytest.raises(BackupwatchError, match="longer than"):
                await load_in_subprocess(home.own, deadline=0.2)

    def test_one_json_document_on_standard_output(self, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
        """Other programs may use it too: values or mistakes, with exit code 2 for the latter."""
        assert loading.main(["--json", "--config", str(home.own)]) == 2, "it is not there"
        capsys.readouterr()
        home.write("")
        assert loading.main(["--json", "--config", str(home.own)]) == 0
        assert json.loads(capsys.readouterr().out)["config"] == Config().to_json()
        home.write("x = 1\n")
        assert loading.main(["--json", "--config", str(home.own)]) == 2
        told = json.loads(capsys.readouterr().out)
        assert told["problems"][0]["line"] == 1
        assert "unknown key" in told["error"]
