"""``python -m backupwatch``, and the console script of the same name."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from backupwatch.cli.app import run

    run()


if __name__ == "__main__":
    main()
