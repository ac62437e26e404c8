"""The pictures made of letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backupwatch.cli.plots import storage_curve
from backupwatch.view.quota import Point
from backupwatch.wording.values import GB

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize("hours", [1, 30, 60, 24 * 40])
def test_no_date_stands_twice_on_the_axis(hours: int) -> None:
    """Also where all readings are of today."""
    since = NOW - timedelta(hours=hours)
    points = [Point(since, 5 * GB, 3 * GB, {}), Point(NOW, 5 * GB, 4 * GB, {})]
    axis = storage_curve(points, NOW - timedelta(days=90), NOW, UTC, 80).splitlines()[-1]
    words = axis.split()
    dates = list(zip(words[::2], words[1::2], strict=True))
    assert dates
    assert len(set(dates)) == len(dates)
