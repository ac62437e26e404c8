"""What a person sees who starts ``backupwatch`` with nothing else: what was found, and what to do next."""

from __future__ import annotations


def next_steps() -> list[str]:
    """What is still missing on this machine, one line each; nothing when all is set up."""
    return []
