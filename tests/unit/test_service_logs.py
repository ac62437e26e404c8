"""``service logs`` on Linux: journalctl gets the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backupwatch.errors import BackupwatchError
from backupwatch.service.runner import Ran
from backupwatch.service.systemd import UNIT, Systemd


@pytest.mark.parametrize(("follow", "last"), [(True, "--follow"), (False, "--no-pager")])
def test_the_terminal_is_handed_to_journalctl(follow: bool, last: str) -> None:
    """Only this unit's lines, as many as wanted; on and on with -f, else to the end and back, without a pager."""
    tailed: list[list[str]] = []

    def journalctl(argv: Sequence[str], *, timeout: float = 30.0) -> Ran:
        return Ran(0, "2026-11-22T14:05:00+0000 backupwatch[1]: watching")

    def tail(argv: Sequence[str]) -> int:
        tailed.append(list(argv))
        return 3

    assert Systemd(journalctl, tail).logs(follow=follow, lines=7) == 3

    ((program, *options),) = tailed
    assert program == "journalctl"
    assert options[:3] == ["--user", "--unit", UNIT]
    assert "--lines=7" in options
    assert options[-1] == last
    assert ("--follow" in options) is follow


@pytest.mark.parametrize("answer", [Ran(1, "", "permission denied"), Ran(0, "", "No journal files were found.")])
def test_a_journal_that_cannot_be_read_is_said_before_anything_is_shown(answer: Ran) -> None:
    """With the command that can read it."""

    def tail(_argv: Sequence[str]) -> int:
        raise AssertionError("nothing to show")

    with pytest.raises(BackupwatchError) as error:
        Systemd(lambda *_argv, **_options: answer, tail).logs(follow=True, lines=7)
    assert "sudo journalctl" in error.value.fix
