"""A changed file is noticed by looking, whatever the editor did and whatever the file system tells."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backupwatch.settings.watch import Signature, changes, signature


class Watched:
    """A watcher whose looks happen when the test says so."""

    def __init__(self, path: Path, since: Signature | None = None) -> None:
        self.steps: list[Callable[[], object]] = []
        self.iterator: AsyncIterator[None] = changes(path, since=since, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        if not self.steps:
            raise StopLookingError
        self.steps.pop(0)()

    async def after(self, *steps: Callable[[], object]) -> int:
        """Run one step before each look, then two looks more; answer how often a change was told."""
        self.steps = [*steps, lambda: None, lambda: None]
        count = 0
        try:
            async for _ in self.iterator:
                count += 1
        except StopLookingError:
            pass
        return count


class StopLookingError(Exception):
    """The test has seen enough."""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "config.toml").write_text("[alerts]\n")
    return folder / "config.toml"


async def test_nothing_changed_nothing_told(own: Path) -> None:
    """A quiet file causes no reload."""
    assert await Watched(own).after() == 0


async def test_a_write_in_place_is_told_once(own: Path) -> None:
    """As nano and echo do it."""
    assert await Watched(own).after(lambda: own.write_text("[alerts]\ndesktop = false\n")) == 1


async def test_a_new_file_renamed_over_the_old_is_told_once(own: Path) -> None:
    """As vim, VS Code and emacs do it, even with the same size and time."""

    def save() -> None:
        new = own.with_name("4913")
        new.write_text(own.read_text())
        os.utime(new, ns=(own.stat().st_atime_ns, own.stat().st_mtime_ns))
        new.rename(own)

    assert await Watched(own).after(save) == 1


async def test_a_file_that_is_away_between_two_renames_is_not_told_missing(own: Path) -> None:
    """A look that falls between an editor's two steps waits for the second."""
    backup = own.with_name("config.toml~")

    def back() -> None:
        own.write_text("[alerts]\ndesktop = false\n")

    assert await Watched(own).after(lambda: own.rename(backup), back) == 1


async def test_a_file_still_being_written_is_told_when_it_rests(own: Path) -> None:
    """A slow writer causes one reload at its end."""
    assert await Watched(own).after(*[lambda: own.open("a").write("#") for _ in range(5)]) == 1


async def test_a_file_that_comes_and_goes(own: Path) -> None:
    """A file that is created, and one that is deleted, are changes."""
    assert await Watched(own).after(own.unlink) == 1
    assert await Watched(own).after(lambda: own.write_text("")) == 1


@pytest.fixture
def dotfiles(own: Path, tmp_path: Path) -> Path:
    """The file lives in a folder of dotfiles, two links away from its place."""
    folder = tmp_path / "dotfiles"
    folder.mkdir()
    own.rename(folder / "backupwatch.toml")
    (tmp_path / "middle").symlink_to(folder / "backupwatch.toml")
    own.symlink_to("../middle")
    return folder


async def test_a_linked_dotfile_is_watched_at_its_end(own: Path, dotfiles: Path, tmp_path: Path) -> None:
    """A change in the repository of dotfiles is noticed through the links that lead there, and so is another link."""
    assert await Watched(own).after(lambda: (dotfiles / "backupwatch.toml").write_text("# new\n")) == 1

    def swap() -> None:
        other = dotfiles / "other.toml"
        other.write_text("# new\n")
        (tmp_path / "middle").unlink()
        (tmp_path / "middle").symlink_to(other)

    assert await Watched(own).after(swap) == 1


async def test_a_folder_swapped_as_a_whole_is_noticed(own: Path, tmp_path: Path) -> None:
    """As configuration managers do it: the folder is a link that moves from one generation to the next."""
    for generation in ("1", "2"):
        (tmp_path / generation).mkdir()
        (tmp_path / generation / "config.toml").write_text("[alerts]\n")
    current = tmp_path / "current"
    current.symlink_to("1")

    def advance() -> None:
        current.unlink()
        current.symlink_to("2")

    assert await Watched(current / "config.toml").after(advance) == 1


async def test_conf_d_is_watched(own: Path) -> None:
    """What `config set`, pairing and signing in write is noticed too; an unfinished file there is not."""
    folder = own.parent / "conf.d"
    written = folder / "backupwatch.toml"

    def make() -> None:
        folder.mkdir()
        written.write_text("")

    assert await Watched(own).after(make) == 1
    assert await Watched(own).after(lambda: written.write_text("[alerts]\n")) == 1
    assert await Watched(own).after(lambda: (folder / ".backupwatch.toml.x.new").write_text("")) == 0
    assert await Watched(own).after(written.unlink) == 1


async def test_a_change_of_permission_is_noticed(own: Path) -> None:
    """A file that could not be read is tried again after chmod."""
    assert await Watched(own).after(lambda: own.chmod(0o640)) == 1


async def test_two_changes_are_told_twice(own: Path) -> None:
    """After one reload the next change is noticed again."""
    watched = Watched(own)
    pause = (lambda: None, lambda: None)
    assert await watched.after(lambda: own.write_text("a=1"), *pause, lambda: own.write_text("b=22"), *pause) == 2


def save(own: Path) -> Signature:
    """Change the file; answer what it was before."""
    before = signature(own)
    own.write_text("[alerts]\ndesktop = false\n")
    return before


async def test_a_change_before_the_first_look_is_told(own: Path) -> None:
    """A file that is saved while the program starts, after it was read, is read again."""
    assert await Watched(own, since=save(own)).after() == 1
