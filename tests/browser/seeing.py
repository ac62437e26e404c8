"""Making a report from a store and looking at it with a real Chromium, axe and a validator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Seen:
    """One report: the file, and what Chromium, axe and the validator said of it."""

    page: Path
    html: str
    said: dict[str, Any]


def packages() -> bool:
    if (HERE / "node_modules" / "playwright-core").exists():
        return True
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=HERE, capture_output=True, check=False, timeout=300).returncode == 0


def look(chromium: str, folder: Path, name: str, device: str | None = None) -> Seen:
    config = folder / "config.toml"
    config.write_text('[account]\napple_id = "anna@example.com"\n', "utf-8")
    config.chmod(0o600)
    page = folder / "report.html"
    environment = {
        **os.environ,
        "BACKUPWATCH_STATE_DIR": str(folder / "state"),
        "BACKUPWATCH_CONFIG": str(config),
        "HOME": str(folder),
    }
    command = [sys.executable, "-m", "backupwatch", "report", "--output", str(page)]
    command += ["--device", device] if device else []
    made = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    pictures = Path(os.environ.get("BACKUPWATCH_PICTURES") or folder)
    pictures.mkdir(parents=True, exist_ok=True)
    command = ["node", str(HERE / "look.mjs"), chromium, str(page), str(pictures), name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return Seen(page, page.read_text("utf-8"), json.loads(done.stdout))
