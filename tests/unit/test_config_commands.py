"""`backupwatch config …`, run as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ANNA = "00008140-001C2D3E4F50001C"
RUN = "import sys; sys.argv[0] = 'backupwatch'; from backupwatch.__main__ import main; main()"


def backupwatch(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_path_names_the_file_whoever_chose_it(own: Path, tmp_path: Path) -> None:
    """--config wins over BACKUPWATCH_CONFIG."""
    assert backupwatch("config", "path").stdout == f"{own}\n"
    assert backupwatch("--config", str(tmp_path / "x"), "config", "path").stdout == f"{tmp_path / 'x'}\n"


def test_show_tells_every_value_and_where_it_comes_from(own: Path) -> None:
    """The output is TOML again, and each line ends with its origin."""
    own.write_text(f'[freshness]\nstale_after = "36h"\n[[device]]\nudid = "{ANNA}"\nname = "Anna"\n')
    shown = backupwatch("config", "show")
    assert (shown.returncode, shown.stderr) == (0, "")
    data = tomllib.loads(shown.stdout)
    assert data["freshness"]["stale_after"] == data["device"][0]["stale_after"] == "36h"
    lines = {line.split(" = ")[0]: line for line in shown.stdout.split("\n\n")[0].split("\n")}
    assert lines["stale_after"].endswith(f"# {own}:2")
    assert lines["overdue_after"].endswith("# default")
    assert "# as in [freshness]" in shown.stdout
    assert (
        backupwatch("config", "show", "freshness.stale_after").stdout == f'freshness.stale_after = "36h"  # {own}:2\n'
    )
    assert "Anna" in backupwatch("config", "show", f"device.{ANNA.lower()}").stdout
    assert "counts" in backupwatch("config", "show", "device.anna.counts").stdout


def test_show_json_is_one_document(own: Path) -> None:
    """Scripts get values, files and lines without parsing words."""
    own.write_text("[alerts]\ndesktop = false\n")
    document = json.loads(backupwatch("config", "show", "alerts", "--json").stdout)
    assert document[0] == {"key": "alerts.desktop", "value": False, "file": str(own), "line": 2}
    assert document[1]["file"] is None


def test_show_knows_what_it_cannot_show() -> None:
    """A misspelt key gets its suggestion, in one line, with the exit code of wrong usage."""
    shown = backupwatch("config", "show", "freshness.stale_aftr")
    assert shown.returncode == 2
    assert shown.stderr == "There is no key freshness.stale_aftr. Did you mean stale_after?\n"


def test_check_shows_every_mistake_with_its_line_and_a_caret(own: Path) -> None:
    """The report quotes the line, points at the place, and says what is allowed."""
    own.write_text('[freshness]\nstale_afer = "3d"\ncounts = "none"\n')
    checked = backupwatch("config", "check")
    assert (checked.returncode, checked.stdout) == (2, "")
    assert checked.stderr == (
        f"{own}:2:1: freshness.stale_afer: unknown key\n"
        '    2 | stale_afer = "3d"\n'
        "      | ^\n"
        "  allowed:  stale_after, overdue_after, counts, unseen_after\n"
        "  hint:     Did you mean stale_after?\n"
        f"{own}:3:10: freshness.counts: none of the words that may stand here\n"
        '    3 | counts = "none"\n'
        "      |          ^\n"
        '  found:    "none"\n'
        '  allowed:  "any", "icloud", "local" or "both"\n'
        "2 mistakes in the configuration. `backupwatch config edit` opens the file.\n"
    )


def test_check_of_a_good_file_says_so_and_warns(own: Path, tmp_path: Path) -> None:
    """A right file is called right; what is probably not meant stands on standard error."""
    assert "is not there; the defaults hold" in backupwatch("config", "check").stdout
    own.write_text('[polling]\naccount_every = "2m"\n')
    checked = backupwatch("config", "check")
    assert (checked.returncode, checked.stdout) == (0, f"{own} is right.\n")
    assert checked.stderr.startswith(f"warning: {own}:2: polling.account_every")
    other = tmp_path / "other" / "new.toml"
    missing = backupwatch("config", "check", str(other))
    assert missing.returncode == 2
    assert "there is no such file" in missing.stderr
    missing = backupwatch("--config", str(other), "config", "show")
    assert missing.returncode == 2


def test_set_unset_and_init(own: Path) -> None:
    """The three ways by which the program writes, seen from the command line."""
    done = backupwatch("config", "set", "alerts.remind_after", "1d,3d")
    assert (done.returncode, done.stderr) == (0, "")
    assert '["1d", "3d"]' in backupwatch("config", "show", "alerts.remind_after").stdout
    assert backupwatch("config", "unset", "alerts.remind_after").returncode == 0
    assert "was not set" in backupwatch("config", "unset", "alerts.remind_after").stdout
    refused = backupwatch("config", "set", "alerts.desktop", "maybe")
    assert refused.returncode == 2
    assert "Allowed: true or false" in refused.stderr
    assert backupwatch("config", "init").returncode == 0
    again = backupwatch("config", "init")
    assert (again.returncode, again.stdout) == (1, "")
    assert "is there already" in again.stderr
    assert backupwatch("config", "check").returncode == 0
    own.write_text("[alerts]\ndesktop = false\n")
    refused = backupwatch("config", "set", "alerts.desktop", "true")
    assert refused.returncode == 2
    assert "on line 2" in refused.stderr


def test_schema_is_printed_for_editors() -> None:
    """The schema can be piped to any validator."""
    schema = json.loads(backupwatch("config", "schema").stdout)
    assert schema["properties"]["freshness"]["additionalProperties"] is False


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
class TestCompletion:
    """The Tab key in the three usual shells."""

    def completed(self, shell: str, line: str, **environment: str) -> str:
        words = line.split(" ")
        asked = {
            "_BACKUPWATCH_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            **environment,
        }
        return backupwatch(**asked).stdout

    def test_commands_are_completed(self, shell: str, own: Path) -> None:
        """`config s` offers set, show and schema."""
        offered = self.completed(shell, "backupwatch config s")
        assert all(name in offered for name in ("set", "show", "schema"))

    def test_keys_are_completed(self, shell: str, own: Path) -> None:
        """`config set fre` offers the keys of [freshness], and those of the phones."""
        offered = self.completed(shell, "backupwatch config set freshness.s")
        assert "freshness.stale_after" in offered
        assert "alerts" not in offered
        own.write_text(f'[[device]]\nudid = "{ANNA}"\nname = "Anna"\n')
        assert f"device.{ANNA}.stale_after" in self.completed(shell, "backupwatch config set device.")

    def test_phones_are_completed_by_udid_and_by_name(self, shell: str, own: Path, tmp_path: Path) -> None:
        """`snooze An` finds Anna's phone, in the file that --config names."""
        other = tmp_path / "other.toml"
        other.write_text(f'[[device]]\nudid = "{ANNA}"\nname = "Anna"\n')
        assert ANNA in self.completed(shell, f"backupwatch --config {other} snooze 0000")
        assert "Anna" in self.completed(shell, f"backupwatch --config {other} snooze An")

    def test_a_broken_file_does_not_break_completion(self, shell: str, own: Path) -> None:
        """Completion knows less then, and says nothing."""
        own.write_text("oh no")
        assert "freshness.counts" in self.completed(shell, "backupwatch config show freshness.c")


@pytest.mark.parametrize(
    "words", [("run",), ("config", "set", "freshness.counts", "icloud"), ("config", "unset", "freshness.counts")]
)
def test_a_mistyped_name_of_the_file_is_no_empty_configuration(tmp_path: Path, words: tuple[str, ...]) -> None:
    """What --config names must be there: else a phone would be watched, or a value set, by rules that nobody wrote."""
    missing = tmp_path / "elsewhere" / "confg.toml"
    done = backupwatch("--config", str(missing), *words, BACKUPWATCH_STATE_DIR=str(tmp_path / "state"))
    assert done.returncode == 2
    assert "there is no such file" in done.stderr
    assert not missing.parent.exists()
