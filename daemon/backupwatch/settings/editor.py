"""``config edit``: an editor on a copy, and the copy in place only when it is right."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backupwatch import paths
from backupwatch.errors import BackupwatchError, ConfigError
from backupwatch.settings import atomic, edit
from backupwatch.settings.load import load
from backupwatch.settings.problems import InvalidConfigError, Problem
from backupwatch.settings.reading import read_bytes
from backupwatch.text import plain

_FALLBACKS = ("editor", "nano", "vi")
"""Tried in this order when neither variable is set; the first is Debian's name for the chosen one."""

Ask = Callable[[str], bool]
"""Puts a question to the person; true for yes. False also where nobody can answer."""


def edit_file(config_file: Path | None, *, ask: Ask, tell: Callable[[str], None]) -> bool:
    """Let the person change their file; true when it was changed.

    A new file begins as the commented default. Whatever was typed is kept in the copy, whose name is told, when it
    is not put in place.

    :param ask: whether to go back into the editor.
    :param tell: shows a line or more to the person.
    :raises ConfigError: the text has mistakes and the person did not go back in.
    :raises BackupwatchError: the file cannot be read or written, or the editor failed.
    """
    own = paths.config_file(config_file)
    before = read_bytes(own)
    start = edit.initial_text(own).encode() if before is None else before
    command = _editor()
    session = _Session(own, _copy(own, start), start, _elsewhere(own, _mistakes(own)), ask, tell)
    try:
        with contextlib.suppress(BackupwatchError):  # an editor without hints is still an editor
            edit.write_schema(own)
        session.until_right(command)
        unchanged = session.text() == start
        if unchanged and (before is not None or not ask("Nothing was changed. Write the default file?")):
            session.copy.unlink()
            return False
        _install(own, session.copy, before)
    except (BackupwatchError, OSError):
        session.keep_or_drop()
        raise
    return True


@dataclass(frozen=True, slots=True)
class _Session:
    """One person, one copy; ``start`` is what the copy held at first, ``known`` the old mistakes of other files."""

    own: Path
    copy: Path
    start: bytes
    known: frozenset[Problem]
    ask: Ask
    tell: Callable[[str], None]

    def text(self) -> bytes:
        """What the copy holds now."""
        return self.copy.read_bytes()

    def until_right(self, command: list[str]) -> None:
        """Editor and check in turn until the text is right, or the person has had enough."""
        while True:
            _run(command, self.copy)
            if not self.copy.exists():
                raise BackupwatchError(
                    "The editor removed the file it was given", meaning="Nothing was changed", fix="Try again"
                )
            if self.text() == self.start:
                return  # nothing was changed; old mistakes are the business of `config check`
            try:
                loaded = load(self.own, instead={self.own: self.copy})
            except InvalidConfigError as error:
                self.tell(error.report())
                if self.known.issuperset(error.problems):
                    self.tell("Your text is right; these stand in a file that this editor does not show.")
                    return
                count = len(error.problems)
                if not self.ask(f"{'One mistake' if count == 1 else f'{count} mistakes'}. Back into the editor?"):
                    raise ConfigError(
                        "The text has mistakes",
                        meaning="Nothing was changed",
                        fix="Run `backupwatch config edit` again",
                    ) from None
            else:
                for warning in loaded.warnings:
                    self.tell(f"warning: {warning}")
                return

    def keep_or_drop(self) -> None:
        """Tell where the person's text is, if they typed any."""
        with contextlib.suppress(OSError):
            if self.text() == self.start:
                self.copy.unlink()
            else:
                self.tell(f"Your text is kept in {plain(self.copy, 400)}")


def _mistakes(own: Path) -> tuple[Problem, ...]:
    try:
        load(own)
    except InvalidConfigError as error:
        return error.problems
    return ()


def _elsewhere(own: Path, problems: Iterable[Problem]) -> frozenset[Problem]:
    """Mistakes that nobody can mend in ``own``, and that must not keep anybody from changing it."""
    return frozenset(problem for problem in problems if problem.file != own)


def _editor() -> list[str]:
    """The words of the person's editor command.

    :raises BackupwatchError: there is none, or it is not a command.
    """
    for variable in ("VISUAL", "EDITOR"):
        if named := os.environ.get(variable, "").strip():
            try:
                words = shlex.split(named)
            except ValueError:
                words = []
            if words and shutil.which(words[0]):
                return words
            raise BackupwatchError(
                f"The editor {plain(named)} ({variable}) does not exist",
                meaning="Nothing was changed",
                fix=f"Name another one, for instance {variable}=nano backupwatch config edit",
            )
    for fallback in _FALLBACKS:
        if found := shutil.which(fallback):
            return [found]
    raise BackupwatchError(
        "No editor was found",
        fix="Name one, for instance EDITOR=nano backupwatch config edit, or use `backupwatch config set`",
    )


def _copy(own: Path, start: bytes) -> Path:
    """A private copy beside the file, where its ``#:schema`` line leads to the same schema."""
    try:
        own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f"{own.stem}.edit-", suffix=".toml", dir=own.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(start)
    except OSError as error:
        raise atomic.cannot_write(own, error) from error
    return Path(name)


def _run(command: list[str], copy: Path) -> None:
    try:
        with _interrupt_is_the_editors():
            done = subprocess.run([*command, str(copy)], check=False)
    except OSError as error:
        raise BackupwatchError(
            f"The editor {plain(command[0])} cannot be started ({error.strerror or type(error).__name__})",
            meaning="Nothing was changed",
            fix="Name another one in VISUAL or EDITOR",
        ) from error
    if done.returncode:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        raise BackupwatchError(
            f"The editor {plain(command[0])} failed ({how})",
            meaning="Nothing was changed",
            fix="Run `backupwatch config edit` again, or name another editor in VISUAL or EDITOR",
        )


@contextlib.contextmanager
def _interrupt_is_the_editors() -> Iterator[None]:
    """Ctrl-C in an editor is an editor's command; it must not end us with the person's text half saved."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *_: None)  # unlike SIG_IGN, a handler is not inherited
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _install(own: Path, copy: Path, before: bytes | None) -> None:
    """Put the copy in place, unless somebody else was there meanwhile."""
    if read_bytes(own) != before:
        raise BackupwatchError(
            f"{plain(own, 400)} was changed by somebody else while you were editing",
            meaning="Neither text was lost",
            fix="Compare the two files and run `backupwatch config edit` again",
        )
    if before is None:
        try:
            atomic.create(own, copy.read_bytes())
        except FileExistsError as error:
            raise atomic.cannot_write(own, error) from error
        copy.unlink()
        return
    destination = own.resolve()  # a link into a folder of dotfiles stays a link
    temporary = atomic.write_temporary(destination, copy.read_bytes())
    try:
        atomic.move_over(temporary, destination)
    finally:
        temporary.unlink(missing_ok=True)
    copy.unlink()
