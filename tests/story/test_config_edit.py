"""`backupwatch config edit` at a real terminal, with editors that are scripts."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

GOOD = '# mine\n[freshness]\nstale_after = "2d"\n'
BAD = '[freshness]\nstale_afer = "2d"\n'


class Terminal:
    """The program on a pseudo-terminal, and what it shows there."""

    def __init__(self, *words: str, **environment: str) -> None:
        self.master, slave = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backupwatch", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "VISUAL": "", "COLUMNS": "400", **environment},
            preexec_fn=_take_the_terminal,  # noqa: PLW1509 - no thread runs here
        )
        os.close(slave)

    def until(self, words: str, seconds: float = 30) -> None:
        """Read on until the words were shown; the limit only ends a test that would hang."""
        deadline = time.monotonic() + seconds
        while not self._shows(words):
            assert time.monotonic() < deadline, self.shown
            if not self._read(0.1) and self.process.poll() is not None:
                self._read(0.1)
                assert self._shows(words), self.shown
                return

    def interrupt_until(self, words: str) -> None:
        """Press Ctrl-C, and again as a person would: the line editor may miss one while it sets itself up."""
        for _ in range(5):
            self.type("\x03")
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and not self._shows(words) and self.process.poll() is None:
                self._read(0.1)
            if self._shows(words):
                return
        self.until(words)

    def _shows(self, words: str) -> bool:
        """Also where the terminal's width has broken the line between them."""
        return words in self.shown or words in " ".join(self.shown.split())

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def ended(self) -> int:
        """The exit code, after everything was shown."""
        code = self.process.wait(30)
        while self._read(0.1):
            pass
        os.close(self.master)
        return code

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self.master, 65_536)
        except OSError:
            return False
        self.shown += chunk.decode(errors="replace").replace("\r\n", "\n")
        return bool(chunk)


def _take_the_terminal() -> None:
    """Opening it makes it the terminal whose Ctrl-C reaches this session."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "backupwatch"
    folder.mkdir(parents=True)
    return folder / "config.toml"


@pytest.fixture
def edit(own: Path, tmp_path: Path):
    """Start `config edit` with an editor that runs these lines of shell; $1 is the file, $n counts the visits."""

    def start(script: str, **environment: str) -> Terminal:
        editor = tmp_path / "my editor"
        count = tmp_path / "count"
        editor.write_text(
            f'#!/bin/sh\nn=$(( $(cat "{count}" 2>/dev/null || echo 0) + 1 )); echo $n > "{count}"\n{script}\n'
        )
        editor.chmod(0o755)
        return Terminal("config", "edit", BACKUPWATCH_CONFIG=str(own), EDITOR=f"'{editor}'", **environment)

    return start


def copies(own: Path) -> list[Path]:
    return sorted(own.parent.glob("config.edit-*.toml"))


def test_a_good_change_is_put_in_place(own: Path, edit) -> None:
    """What was typed is the file afterwards, with the mode it had, and no copy is left."""
    own.write_text("# old\n")
    own.chmod(0o640)
    terminal = edit(f"printf '%s' '{GOOD}' > \"$1\"")
    terminal.until("is in place")
    assert terminal.ended() == 0
    assert own.read_text() == GOOD
    assert own.stat().st_mode & 0o777 == 0o640
    assert copies(own) == []


def test_a_mistake_is_shown_and_mended_in_a_second_visit(own: Path, edit) -> None:
    """The editor opens again with the text as it was typed, and the mended text is put in place."""
    own.write_text("# old\n")
    terminal = edit(f"""[ $n = 1 ] && printf '%s' '{BAD}' > "$1" || sed -i s/stale_afer/stale_after/ "$1" """)
    terminal.until("Back into the editor? [Y/n]")
    assert ":2:1: freshness.stale_afer: unknown key" in terminal.shown
    assert "Did you mean stale_after?" in terminal.shown
    assert own.read_text() == "# old\n", "nothing bad is ever in place"
    terminal.type("y\n")
    terminal.until("is in place")
    assert terminal.ended() == 0
    assert own.read_text() == BAD.replace("afer", "after")


def test_who_has_had_enough_keeps_the_typed_text(own: Path, edit) -> None:
    """Without going back in, the file stays as it was and the typed text is kept under a name that is told."""
    own.write_text("# old\n")
    terminal = edit(f"printf '%s' '{BAD}' > \"$1\"")
    terminal.until("[Y/n]")
    terminal.type("n\n")
    terminal.until("Nothing was changed")
    assert terminal.ended() == 2
    (copy,) = copies(own)
    assert f"Your text is kept in {copy}" in terminal.shown
    assert (own.read_text(), copy.read_text()) == ("# old\n", BAD)


def test_ctrl_c_at_the_question_loses_nothing(own: Path, edit) -> None:
    """Ctrl-C there is the same as no."""
    own.write_text("# old\n")
    terminal = edit(f"printf '%s' '{BAD}' > \"$1\"")
    terminal.until("[Y/n]: ")
    terminal.interrupt_until("Your text is kept in")
    assert terminal.ended() == 2
    assert copies(own)[0].read_text() == BAD


def test_ctrl_c_in_the_editor_is_the_editors(own: Path, edit) -> None:
    """An interrupt while the editor runs reaches the editor alone."""
    own.write_text("# old\n")
    terminal = edit(
        f"""trap 'printf "%s" "{GOOD.replace('"', "")}" > "$1"; exit 0' INT; echo waiting; while :; do sleep 0.1; done"""
    )
    terminal.until("waiting")
    terminal.type("\x03")
    terminal.until("[Y/n]")  # the trap saved a text without quotes: a mistake, and the program is still there
    terminal.type("n\n")
    assert terminal.ended() == 2


def test_the_first_edit_begins_with_the_commented_default(own: Path, edit, tmp_path: Path) -> None:
    """Without a file the editor shows every key, and the schema lies beside for editors that help."""
    seen = tmp_path / "seen"
    terminal = edit(f'cp "$1" "{seen}"; sed -i \'s/^#stale_after = "3d"/stale_after = "2d"/\' "$1"')
    terminal.until("is in place")
    assert terminal.ended() == 0
    assert '\n#stale_after = "3d"\n' in seen.read_text()
    assert '\nstale_after = "2d"\n' in own.read_text()
    assert (own.parent / "schema.json").exists()
    assert own.stat().st_mode & 0o777 == 0o600


def test_nothing_typed_nothing_changed(own: Path, edit) -> None:
    """Closing the editor at once changes nothing, and windows that do not wait are explained."""
    own.write_text("# old\n")
    terminal = edit("exit 0")
    terminal.until('EDITOR="code --wait"')
    assert terminal.ended() == 0
    assert (own.read_text(), copies(own)) == ("# old\n", [])


def test_an_editor_that_fails(own: Path, edit) -> None:
    """A failing editor (as `:cq` in vim) changes nothing and keeps what was typed."""
    own.write_text("# old\n")
    terminal = edit(f"printf '%s' '{GOOD}' > \"$1\"; exit 3")
    terminal.until("failed (exit code 3)")
    assert terminal.ended() == 1
    assert own.read_text() == "# old\n"
    assert copies(own)[0].read_text() == GOOD


def test_an_editor_that_is_killed(own: Path, edit) -> None:
    """So does one that dies."""
    own.write_text("# old\n")
    terminal = edit("kill -9 $$")
    terminal.until("failed (signal 9)")
    assert terminal.ended() == 1
    assert (own.read_text(), copies(own)) == ("# old\n", [])


def test_an_editor_that_does_not_exist(own: Path) -> None:
    """A misspelt EDITOR is named, with an example of another."""
    own.write_text("# old\n")
    terminal = Terminal("config", "edit", BACKUPWATCH_CONFIG=str(own), EDITOR="no-such-editor --wait")
    terminal.until("The editor no-such-editor --wait (EDITOR) does not exist")
    assert terminal.ended() == 1
    assert copies(own) == []


def test_an_editor_that_removes_the_file(own: Path, edit) -> None:
    """An editor that deletes its file does not delete the configuration."""
    own.write_text("# old\n")
    terminal = edit('rm "$1"')
    terminal.until("removed the file it was given")
    assert terminal.ended() == 1
    assert own.read_text() == "# old\n"


def test_visual_comes_before_editor(own: Path, edit, tmp_path: Path) -> None:
    """VISUAL wins, and may have words of its own."""
    own.write_text("# old\n")
    visual = tmp_path / "visual"
    visual.write_text(f"#!/bin/sh\n[ \"$1\" = --wait ] && printf '%s' '{GOOD}' > \"$2\"\n")
    visual.chmod(0o755)
    terminal = edit("exit 9", VISUAL=f"{visual} --wait")
    terminal.until("is in place")
    assert terminal.ended() == 0
    assert own.read_text() == GOOD


def test_a_file_that_changed_meanwhile_is_not_overwritten(own: Path, edit) -> None:
    """When somebody else saved the file during the edit, both texts survive."""
    own.write_text("# old\n")
    terminal = edit(f"printf '%s' '{GOOD}' > \"$1\"; echo '# theirs' > '{own}'")
    terminal.until("changed by somebody else")
    assert terminal.ended() == 1
    assert own.read_text() == "# theirs\n"
    assert copies(own)[0].read_text() == GOOD


def test_a_linked_dotfile_stays_a_link(own: Path, edit, tmp_path: Path) -> None:
    """The file in the repository of dotfiles is changed, and the link still leads there."""
    real = tmp_path / "dotfiles" / "backupwatch.toml"
    real.parent.mkdir()
    real.write_text("# old\n")
    own.symlink_to(real)
    terminal = edit(f"printf '%s' '{GOOD}' > \"$1\"")
    terminal.until("is in place")
    assert terminal.ended() == 0
    assert own.is_symlink()
    assert real.read_text() == GOOD


def test_a_file_in_utf16_can_be_mended_by_editing(own: Path, edit) -> None:
    """Even a file that cannot be read as text is handed to the editor byte for byte."""
    own.write_bytes(GOOD.encode("utf-16"))
    terminal = edit('iconv -f utf-16 -t utf-8 "$1" > "$1.x"; cat "$1.x" > "$1"; rm "$1.x"')
    terminal.until("is in place")
    assert terminal.ended() == 0
    assert own.read_text() == GOOD


def test_a_folder_in_the_files_place_is_left_alone(own: Path, edit) -> None:
    """There is nothing to edit then, and the obstacle is named."""
    own.mkdir()
    terminal = edit("exit 0")
    terminal.until("this is a folder, not a file")
    assert terminal.ended() == 2
    assert copies(own) == []


def test_nobody_at_the_terminal(own: Path, tmp_path: Path) -> None:
    """In a script without a terminal nothing waits for an answer."""
    own.write_text("# old\n")
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\nprintf '%s' '{BAD}' > \"$1\"\n")
    editor.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "backupwatch", "config", "edit"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "BACKUPWATCH_CONFIG": str(own), "EDITOR": str(editor), "VISUAL": ""},
    )
    assert done.returncode == 2
    assert "Your text is kept in" in done.stderr
    assert own.read_text() == "# old\n"


def test_a_hang_up_in_the_middle_loses_nothing(own: Path, edit) -> None:
    """A closed window, or a crash, while the editor is open leaves the old file whole and the copy where it is."""
    own.write_text("# old\n")
    terminal = edit(f"printf '%s' '{GOOD}' > \"$1\"; echo saved; exec sleep 600")
    terminal.until("saved")
    os.killpg(terminal.process.pid, signal.SIGKILL)
    terminal.ended()
    assert own.read_text() == "# old\n"
    assert copies(own)[0].read_text() == GOOD


def test_a_mistake_in_another_file_keeps_nobody_from_changing_their_own(own: Path, edit) -> None:
    """It is told, and which file to correct; the right text is put in place all the same."""
    own.write_text("# old\n")
    other = own.parent / "conf.d" / "backupwatch.toml"
    other.parent.mkdir()
    other.write_text("broken = = \n")
    terminal = edit(f"printf '%s' '{GOOD}' > \"$1\"")
    terminal.until("is in place")
    assert terminal.ended() == 0
    assert f"{other}:1:10" in terminal.shown
    assert own.read_text() == GOOD
    terminal = edit(f"printf '%s' '{BAD}' > \"$1\"")
    terminal.until("Back into the editor?")
    terminal.type("n\n")
    assert terminal.ended() == 2
    assert own.read_text() == GOOD
    checked = Terminal("config", "check", BACKUPWATCH_CONFIG=str(own))
    checked.until("Correct the named file")
    assert checked.ended() == 2
