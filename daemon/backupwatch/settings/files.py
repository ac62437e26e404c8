"""Which files a configuration is made of."""

from __future__ import annotations

from pathlib import Path

CONF_D = "conf.d"


def conf_d_files(own: Path) -> list[Path]:
    """What the program wrote beside the person's own file, in the order in which later ones win.

    Hidden ones are left out: they are unfinished, or an editor's.

    :raises OSError: the folder is there but cannot be listed.
    """
    folder = own.parent / CONF_D
    try:
        return sorted(file for file in folder.iterdir() if file.suffix == ".toml" and not file.name.startswith("."))
    except FileNotFoundError:
        return []
