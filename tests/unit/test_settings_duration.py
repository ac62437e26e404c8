"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.settings.duration import parse, render


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3d", timedelta(days=3)),
        ("36h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("2w", timedelta(weeks=2)),
        ("1w 2d", timedelta(days=9)),
        ("1w2d", timedelta(days=9)),
        (" 1 d  12 h ", timedelta(hours=36)),
        ("3 days", timedelta(days=3)),
        ("1 week 1 hour", timedelta(days=7, hours=1)),
        ("90 Min", timedelta(minutes=90)),
        ("45s", timedelta(seconds=45)),
        ("P3D", timedelta(days=3)),
        ("p1w", timedelta(weeks=1)),
        ("PT36H", timedelta(hours=36)),
        ("P1DT12H30M", timedelta(days=1, hours=12, minutes=30)),
        ("0d", timedelta(0)),
    ],
)
def test_the_usual_forms_are_read(text: str, expected: timedelta) -> None:
    """Short forms, words and ISO 8601 all say the same thing."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("3", "unit is missing"),
        ("d", "cannot be read"),
        ("3x", "no unit"),
        ("1.5d", "cannot be read"),
        ("-3d", "negative"),
        ("2d 1w", "once"),
        ("1d 1d", "once"),
        ("1y", "no fixed length"),
        ("P1Y", "no fixed length"),
        ("P", "without a number"),
        ("PT", "without a number"),
        ("P1DT", "without a number"),
        ("P3X", "is none"),
        ("3d, 4h", "cannot be read"),
        ("٣d", "cannot be read"),
        ("9999999999d", "cannot be read"),
        ("999999999w", "ten years"),
    ],
)
def test_what_is_no_length_is_refused_with_a_reason(text: str, reason: str) -> None:
    """Each kind of slip gets its own explanation."""
    with pytest.raises(ValueError, match=reason):
        parse(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing that can be typed breaks the reader."""
    try:
        assert timedelta(0) <= parse(text) <= timedelta(days=3650)
    except ValueError as error:
        assert str(error)  # noqa: PT017


@given(st.integers(0, 3650 * 86_400))
def test_what_is_written_is_read_back(seconds: int) -> None:
    """Every whole number of seconds has a written form that means the same."""
    assert parse(render(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["3d", "36h", "90m", "14d", "7d", "30m", "45s", "0s", "5d 1h"])
def test_usual_lengths_are_written_as_a_person_would(text: str) -> None:
    """Common settings keep their form when the program shows them."""
    assert render(parse(text)) == text
