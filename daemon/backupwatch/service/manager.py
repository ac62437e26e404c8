"""What ``backupwatch service`` asks of an init system, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backupwatch.errors import BackupwatchError

Tail = Callable[[Sequence[str]], int]
"""Runs a program on this very terminal until it ends or Ctrl-C, and answers its exit code."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What ``service install`` says: three lines, and notes about what was found on the way."""

    runs: str
    log: str
    removal: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """How the service stands.

    :ivar definition: the unit or agent file, whether it is there or not.
    :ivar version: of the program that wrote it; "" where unknown.
    :ivar edited: whether somebody changed it by hand since.
    :ivar enabled: whether it starts at login.
    :ivar state: ``running``, ``starting``, ``stopping``, ``stopped`` or ``failed``.
    :ivar text: the daemon's own status line, or "".
    :ivar detail: why it failed, in words, or "".
    :ivar python: the interpreter that it starts; None where that cannot be read.
    """

    definition: Path
    installed: bool
    version: str
    edited: bool
    enabled: bool
    state: str
    pid: int | None
    text: str
    detail: str
    python: Path | None


class Manager(Protocol):
    """One init system."""

    @property
    def name(self) -> str:
        """``systemd`` or ``launchd``."""
        ...

    def trouble(self) -> BackupwatchError | None:
        """Why it cannot be talked to from here, or None."""
        ...

    def status(self) -> Status:
        """How the service stands."""
        ...

    def install(self) -> Installed:
        """Write the definition, enable and start the service, wait until it is ready."""
        ...

    def uninstall(self) -> list[str]:
        """Stop and remove it; sentences for the person."""
        ...

    def start(self) -> None:
        """Start it and wait until it is ready."""
        ...

    def stop(self) -> None:
        """Stop it until the next login."""
        ...

    def restart(self) -> None:
        """Stop it, start it, wait until it is ready."""
        ...

    def logs(self, *, follow: bool, lines: int) -> int:
        """Show the newest ``lines`` of its log, and go on if ``follow``; an exit code."""
        ...
