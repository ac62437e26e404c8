"""Where there is no login service to install, the person learns how to run the watch otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupwatch.errors import BackupwatchError
from backupwatch.service import manager, on_terminal
from backupwatch.service.purge import everything_of_ours, purge
from backupwatch.service.runner import NOT_FOUND, TIMED_OUT, run


@pytest.mark.parametrize(
    ("platform", "words"), [("linux", "backupwatch run"), ("win32", "Task Scheduler"), ("freebsd14", "backupwatch run")]
)
def test_without_systemd_and_launchd_there_is_another_way(platform: str, words: str, tmp_path: Path) -> None:
    """A container, WSL, another init system: one line that says what to do."""
    with pytest.raises(BackupwatchError) as caught:
        manager(platform=platform, booted=tmp_path / "absent")
    assert words in caught.value.line()
    assert "\n" not in caught.value.line()


def test_each_system_gets_its_own(tmp_path: Path) -> None:
    """launchd on a Mac; systemd where it is the init system and its command is there."""
    assert manager(platform="darwin").name == "launchd"
    try:
        assert manager(platform="linux", booted=tmp_path).name == "systemd"
    except BackupwatchError:
        assert run(["systemctl", "--version"]).code == NOT_FOUND


def test_a_program_that_is_missing_or_hangs_is_an_answer_and_no_crash(tmp_path: Path) -> None:
    """The init system's own programs may be broken, too."""
    assert run(["/nowhere/systemctl"]).code == NOT_FOUND
    assert run([str(tmp_path)]).code == NOT_FOUND
    assert run(["sleep", "60"], timeout=0.05).code == TIMED_OUT
    with pytest.raises(BackupwatchError, match="not installed"):
        on_terminal(["/nowhere/journalctl"])


def test_purge_spares_what_is_not_ours_even_in_a_folder_named_by_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody named their home folder as the state folder; the home folder survives."""
    monkeypatch.setenv("BACKUPWATCH_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("BACKUPWATCH_CONFIG", str(tmp_path / "my.toml"))
    ours = [
        "watch.sqlite3",
        "watch.sqlite3-wal",
        "watch.sqlite3.damaged-20261122",
        "my.toml",
        "conf.d/backupwatch.toml",
        "conf.d/.lock",
        "daemon.lock",
        "account/a.session",
        "cache/page",
    ]
    theirs = ["letter.txt", "photos/a.jpg", "other.toml", ".ssh/id", "conf.d/other.toml", "schema.json"]
    for name in [*ours, *theirs]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")

    purge(everything_of_ours())

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(theirs)
