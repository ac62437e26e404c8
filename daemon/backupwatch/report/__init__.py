"""The report: the watcher's whole knowledge as one page that needs nothing but itself."""

from __future__ import annotations

from backupwatch.report.page import Matter, anchor, render

__all__ = ["Matter", "anchor", "render"]
