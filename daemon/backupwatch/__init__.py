"""backupwatch: tells you when your iPhone stopped backing up, why, and what to tap."""

__version__ = "0.1.0"
