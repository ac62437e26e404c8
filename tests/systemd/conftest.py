"""One user manager for all tests of this folder, with the program installed in it from its wheel."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from inside import HOME
from user_manager import UserManager, missing, wheel

VENV = HOME / 'My "tools" 50% für $HOME it\'s' / "venv"
"""A path with everything in it that a unit file could stumble over."""


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


def install_program(machine: UserManager, built: Path, venv: Path) -> None:
    """A virtual environment with the wheel; its dependencies are those of the test run, so nothing is downloaded."""
    machine.run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    site = json.loads(
        machine.run(str(venv / "bin/python"), "-c", "import json,site;print(json.dumps(site.getsitepackages()))").stdout
    )[0]
    machine.write(Path(site) / "of-the-test-run.pth", packages + "\n")
    machine.run(
        sys.executable, "-m", "pip", "--python", str(venv / "bin/python"), "install", "--quiet", "--no-deps",
        "--no-index", "--no-compile", "--force-reinstall", str(built),
    )  # fmt: skip
