"""One user manager for all tests of this folder, with the program installed in it from its wheel."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from user_manager import VENV, UserManager, install_program, missing, wheel


@pytest.fixture(scope="session")
def machine() -> Iterator[UserManager]:
    """Anna's computer, with backupwatch installed and no service yet."""
    if (reason := missing()) is not None:
        if os.environ.get("CI"):
            pytest.fail(f"no systemd user manager: {reason}")
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="backupwatch-wheel-"))
    try:
        built = wheel(folder)
        machine = UserManager([built])
        try:
            install_program(machine, Path("/run/share") / built.name, VENV)
            yield machine
        finally:
            machine.end()
    finally:
        shutil.rmtree(folder)
