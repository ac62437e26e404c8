"""The files that describe the service: what stands in them, and what becomes of a person's own changes."""

from __future__ import annotations

import os
import plistlib
import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backupwatch import __version__
from backupwatch.errors import BackupwatchError
from backupwatch.service import definition, interpreter, launchd, systemd

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
PATHS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40).map(
    lambda name: Path("/home") / name.strip("/") / "python"
)

DOCUMENTED = {
    "Label": str,
    "ProgramArguments": list,
    "EnvironmentVariables": dict,
    "LimitLoadToSessionType": str,
    "RunAtLoad": bool,
    "KeepAlive": dict,
    "ThrottleInterval": int,
    "ProcessType": str,
    "LowPriorityIO": bool,
    "Nice": int,
    "ExitTimeOut": int,
    "Umask": int,
    "SoftResourceLimits": dict,
    "StandardOutPath": str,
    "StandardErrorPath": str,
}
"""The keys that we use, with the types that launchd.plist(5) gives them."""


def agent(python: str = "/opt/venv/bin/python", **variables: str) -> dict[str, object]:
    return plistlib.loads(
        launchd.render(Path(python), variables, Path("/Users/anna/Library/Logs/backupwatch/daemon.log")).encode()
    )


# -- systemd --------------------------------------------------------------------------------------------------------


def systemd_words(line: str) -> list[str]:
    """What systemd makes of a line of quoted words: systemd.syntax(7), "Quoting", then specifiers."""
    words, word, quote, index = [], None, "", 0
    while index < len(line):
        char = line[index]
        if char == "\\":
            index += 1
            if line[index] == "x":
                char, index = chr(int(line[index + 1 : index + 3], 16)), index + 2
            else:
                char = line[index]
            word = (word or "") + char
        elif quote and char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote, word = char, word or ""
        elif not quote and char == " ":
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + char
        index += 1
    if word is not None:
        words.append(word)
    return [re.sub("%(.?)", lambda found: "%" if found[1] == "%" else "EXPANDED", word) for word in words]


def after_expansion(word: str) -> str:
    """What systemd makes of ``$`` in an argument."""
    return re.sub(r"\$(.?)", lambda found: "$" if found[1] == "$" else "EXPANDED", word)


@given(PATHS)
@example(Path("/home/50% $HOME/python"))
def test_any_path_of_the_interpreter_survives_the_unit_file(python: Path) -> None:
    """Spaces, quotes, dollars, percents, letters of any alphabet: the service starts this very program."""
    words = systemd_words(systemd.exec_start(python))
    if words[0] == "/bin/sh":
        assert words[1:3] == ["-c", 'exec "$$0" -m backupwatch run']
        assert after_expansion(words[3]) == str(python)
    else:
        assert words == [str(python), "-m", "backupwatch", "run"]
        assert not set(words[0]) & set("\"'\\$")  # systemd refuses or expands these in a program's path


@given(PATHS)
def test_the_status_finds_the_interpreter_that_the_unit_starts(python: Path) -> None:
    """So that a moved environment is noticed, whatever its name."""
    assert systemd._python_of(systemd.render(python, {})) == python


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=60))
@example('100% of "$HOME" \\')
def test_any_value_survives_an_environment_line(value: str) -> None:
    """A state folder may have any name."""
    assert systemd_words(systemd.quote(f"BACKUPWATCH_STATE_DIR={value}")) == [f"BACKUPWATCH_STATE_DIR={value}"]


def test_a_path_that_is_not_text_is_refused_in_one_line() -> None:
    """A folder whose name is not UTF-8 cannot stand in a unit file."""
    with pytest.raises(BackupwatchError, match="UTF-8"):
        systemd.render(Path(os.fsdecode(b"/home/\xff/python")), {})


# -- launchd --------------------------------------------------------------------------------------------------------


def test_every_key_of_the_agent_is_documented_and_of_the_right_type() -> None:
    """launchd ignores what it does not know, so a typing mistake would go unnoticed on the Mac."""
    keys = agent()
    assert {key: type(value) for key, value in keys.items()} == DOCUMENTED
    assert keys["Label"] == "backupwatch"
    assert keys["KeepAlive"] == {"SuccessfulExit": False}
    assert keys["ProcessType"] == "Background"
    assert keys["LimitLoadToSessionType"] == "Aqua"
    assert keys["RunAtLoad"] is True
    assert keys["Umask"] == 0o077


def test_no_path_of_the_agent_needs_a_shell() -> None:
    """launchd expands neither ~ nor $HOME."""
    keys = agent()
    for path in (keys["ProgramArguments"][0], keys["StandardOutPath"], keys["StandardErrorPath"]):  # type: ignore[index]
        assert path.startswith("/")
        assert "~" not in path
        assert "@" not in path


@given(PATHS)
def test_any_path_of_the_interpreter_survives_the_agent_file(python: Path) -> None:
    """Angle brackets and ampersands included."""
    keys = plistlib.loads(launchd.render(python, {"BACKUPWATCH_CONFIG": str(python)}, Path("/log")).encode())
    assert keys["ProgramArguments"] == [str(python), "-m", "backupwatch", "run"]
    assert keys["EnvironmentVariables"]["BACKUPWATCH_CONFIG"] == str(python)
    assert "PATH" in keys["EnvironmentVariables"]


# -- the stamp ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [systemd.render(Path("/x/python"), {}), launchd.render(Path("/x/python"), {}, Path("/log"))],
    ids=["systemd", "launchd"],
)
def test_our_own_file_is_recognised_and_any_change_to_it_too(content: str, tmp_path: Path) -> None:
    """One changed character makes the file the person's."""
    file = tmp_path / "definition"
    definition.write(file, content)
    found = definition.find(file)
    assert found is not None
    assert (found.ours, found.version) == (True, __version__)

    file.write_text(content.replace("backupwatch run", "backupwatch  run").replace("<integer>30<", "<integer>31<"))
    found = definition.find(file)
    assert found is not None
    assert not found.ours


def test_a_file_that_somebody_else_wrote_is_not_ours(tmp_path: Path) -> None:
    """Nor is a link, wherever it leads."""
    file, link = tmp_path / "backupwatch.service", tmp_path / "link"
    file.write_text("[Service]\nExecStart=/bin/true\n")
    link.symlink_to(tmp_path / "nowhere")

    for path in (file, link):
        found = definition.find(path)
        assert found is not None
        assert not found.ours
    assert definition.find(tmp_path / "absent") is None


def test_two_edited_files_of_the_same_second_are_both_kept(tmp_path: Path) -> None:
    """Nothing that a person wrote is lost."""
    file = tmp_path / "backupwatch.service"
    for words in ("one", "two"):
        file.write_text(words)
        definition.keep_aside(file, NOW)

    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["one", "two"]
    assert all(".edited-20261122T140500" in path.name for path in tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit is written whole or not at all."""
    file = tmp_path / "backupwatch.service"
    definition.write(file, "old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupwatchError, match="No space left"):
        definition.write(file, "new")

    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "old"


def test_the_file_may_be_read_by_the_init_system(tmp_path: Path) -> None:
    """launchd refuses files that others may write."""
    definition.write(tmp_path / "new" / "definition", "x")
    assert stat.S_IMODE((tmp_path / "new" / "definition").stat().st_mode) == 0o644


# -- the interpreter ------------------------------------------------------------------------------------------------


def test_a_link_to_python_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual environment is its link; behind it the program is not installed."""
    link = tmp_path / "venv" / "bin" / "python"
    link.parent.mkdir(parents=True)
    link.symlink_to("/usr/bin/env")
    monkeypatch.setattr("sys.executable", str(link))
    assert interpreter.interpreter() == link


def test_homebrews_versioned_path_gives_way_to_the_one_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next brew upgrade removes the Cellar's folder."""
    real = tmp_path / "Cellar/backupwatch/0.1.0/libexec/bin/python"
    real.parent.mkdir(parents=True)
    real.write_text("")
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/backupwatch").symlink_to(tmp_path / "Cellar/backupwatch/0.1.0")
    monkeypatch.setattr("sys.executable", str(real))
    assert interpreter.interpreter() == tmp_path / "opt/backupwatch/libexec/bin/python"


@pytest.mark.parametrize(
    "folder",
    ["/home/anna/.cache/uv/archive-v0/abc", "/big/uv-cache/archive-v0/abc", "/Users/anna/Library/Caches/pipx/1a2b"],
)
def test_a_place_that_is_emptied_behind_ones_back_is_refused(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """uvx and pipx run keep programs in a cache."""
    monkeypatch.setattr("sys.executable", f"{folder}/bin/python")
    with pytest.raises(BackupwatchError, match="uv tool install"):
        interpreter.interpreter()


def test_only_the_variables_that_decide_where_we_look_are_carried() -> None:
    """A password in the shell's environment does not get into a file."""
    carried = interpreter.carried_variables(
        {
            "BACKUPWATCH_CONFIG": "~/x.toml",
            "SECRET": "1",
            "XDG_STATE_HOME": "",
            "USBMUXD_SOCKET_ADDRESS": "127.0.0.1:27015",
        }
    )
    assert carried == {"BACKUPWATCH_CONFIG": str(Path.home() / "x.toml"), "USBMUXD_SOCKET_ADDRESS": "127.0.0.1:27015"}


def test_a_line_break_in_a_variable_is_refused() -> None:
    """It could write further lines into the unit."""
    with pytest.raises(BackupwatchError, match="control character"):
        interpreter.carried_variables({"BACKUPWATCH_CONFIG": "/x\nExecStart=/bin/sh"})
