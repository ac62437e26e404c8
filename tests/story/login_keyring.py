"""A keyring for tests: keeps its secrets in a file that ``BW_TEST_KEYRING`` names, and notes every question."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    """Stands in for the desktop's own keyring; nobody's password is ever in it."""

    priority = 9  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.file = Path(os.environ["BW_TEST_KEYRING"])
        self.asked = self.file.with_suffix(".asked")

    def _entries(self) -> dict[str, str]:
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        with self.asked.open("a") as file:
            file.write(f"{service}/{username}\n")
        return self._entries().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.file.write_text(json.dumps(self._entries() | {f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        if entries.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError
        self.file.write_text(json.dumps(entries))
