"""The one seam to the init system's own programs: arguments in, exit code and text out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

NOT_FOUND = 127
"""The shell's exit code for a program that is not there."""

TIMED_OUT = 124
"""The exit code that timeout(1) uses."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one program: exit code, standard output and standard error, both stripped."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ended with 0."""
        return self.code == 0


class Runner(Protocol):
    """Runs a program to its end; never raises for what the program does."""

    def __call__(self, argv: Sequence[str], *, timeout: float = 30.0) -> Ran:
        """Run ``argv`` without a shell and without input, for at most ``timeout`` seconds."""
        ...


def run(argv: Sequence[str], *, timeout: float = 30.0) -> Ran:
    """The real runner; the program speaks English and uses no pager, since its answer is parsed."""
    environment = {**os.environ, "LC_ALL": "C", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False, env=environment
        )
    except FileNotFoundError:
        return Ran(NOT_FOUND, "", f"{argv[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Ran(TIMED_OUT, "", f"{argv[0]} gave no answer within {timeout:.0f} seconds")
    except OSError as error:
        return Ran(NOT_FOUND, "", f"{argv[0]} cannot be started: {error.strerror}")
    out, err = (stream.decode("utf-8", "replace").strip() for stream in (done.stdout, done.stderr))
    return Ran(done.returncode, out, err)
