"""The report in a real Chromium: it works, it is quiet, everybody can read it."""

from __future__ import annotations

import re

import pytest
from nasty import nasty_names

from backupwatch.text import page as safe
from backupwatch.text import plain
from conftest import Seen

pytestmark = pytest.mark.browser


@pytest.fixture(params=["family", "nasty"])
def seen(request: pytest.FixtureRequest) -> Seen:
    found: Seen = request.getfixturevalue(request.param)
    return found


def test_nothing_goes_wrong_and_nothing_leaves_the_page(seen: Seen) -> None:
    """The browser has nothing to complain of, and the page asks nobody for anything."""
    assert seen.said["console"] == []
    assert seen.said["requests"] == []
    assert seen.said["scripts"] == 0


def test_it_is_valid_html(seen: Seen) -> None:
    """A kept validator finds no mistake."""
    assert seen.said["invalid"] == []


def test_axe_finds_nothing_in_light_and_dark_on_a_desk_and_on_a_telephone(seen: Seen) -> None:
    """Contrast, headings, tables, names of pictures: the checker for accessibility has nothing to say."""
    assert len(seen.said["axe"]) == 4
    for look, found in seen.said["axe"].items():
        assert found == [], look


def test_it_fits_a_telephone(seen: Seen) -> None:
    """Nobody has to scroll sideways."""
    assert seen.said["wide"] == {
        "1200-light": 1200,
        "1200-dark": 1200,
        "390-light": 390,
        "390-dark": 390,
    }


def test_the_keyboard_reaches_every_number_of_every_picture(seen: Seen) -> None:
    """Each month, drought and reading that a mouse can point at is a stop of the Tab key, and shows its numbers."""
    marks = [stop for stop in seen.said["stops"] if stop["tag"] == "g"]
    drawn = re.findall(r'<g [^>]*role="img"[^>]*aria-label="([^"]+)"', seen.html)
    assert len(marks) == len(drawn) > 0
    for stop in marks:
        assert stop["shown"], stop
        assert stop["tip"] == stop["label"]
        assert re.search(r"\d", stop["label"])


def test_the_numbers_also_stand_in_tables_that_a_key_opens(seen: Seen) -> None:
    """Who cannot use a picture opens its table with Enter."""
    assert seen.said["opened"] is True
    assert seen.html.count("The nights as a table") == seen.html.count("Night by night</h3>") > 0


def test_it_prints(seen: Seen) -> None:
    """Printed, it is a document and no heap of images."""
    assert 20_000 < seen.said["printed"] < 3_000_000


def test_two_years_of_four_phones_stay_small(family: Seen) -> None:
    """The page can be sent by mail."""
    assert len(family.html.encode()) < 300_000
    assert family.html.count("<h2") == 4 + 3


def test_it_begins_with_the_phone_that_was_asked_for(family: Seen) -> None:
    """Show steps opens the page at that phone: first, marked and focused."""
    titles = re.findall(r'<h2 id="(phone-[^"]+)"[^>]*><bdi>([^<]+)</bdi>', family.html)
    assert titles[0][1] == "Ben&#x27;s iPhone"
    assert family.said["focused"] == titles[0][0]


def test_no_name_becomes_markup(nasty: Seen) -> None:
    """Every nasty name is shown as text, and none is anything else."""
    for name in filter(plain, nasty_names()):
        assert safe(name, 40)[:20] in nasty.html
    assert "<script" not in nasty.html
    assert "<b>" not in nasty.html
    assert "<i>" not in nasty.html
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", nasty.html)


def test_the_policy_forbids_everything_that_is_not_needed(seen: Seen) -> None:
    """Even a mistake in this program could load nothing and run nothing."""
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', seen.html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert " style=" not in seen.html
