"""The wheel: built, installed into an empty environment, and the main job works from there."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_brings_everything_that_the_program_needs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "backupwatch/_shipped/config/default.toml",
        "backupwatch/_shipped/config/schema.json",
        "backupwatch/_shipped/systemd/backupwatch.service",
        "backupwatch/_shipped/launchd/backupwatch.plist",
        "backupwatch/simulator/scenarios/icloud-storage-full.toml",
        "backupwatch/py.typed",
    ):
        assert needed in names
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]


def test_the_demo_works_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """As a person would: a new virtual environment, one pip install, one command."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel))
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "BACKUPWATCH", "DBUS"))}
    env |= {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    out = run(str(tmp_path / "venv" / "bin" / "backupwatch"), "demo", env=env, cwd=tmp_path)
    assert "iCloud storage is full" in out
    left = {path.name for path in tmp_path.iterdir()} - {"venv"}
    assert not left, f"the demo left something behind: {left}"
