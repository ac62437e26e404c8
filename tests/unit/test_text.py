"""Foreign text cannot steer what it is shown on."""

from __future__ import annotations

import html
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch import text

ANY = st.text(st.characters(), max_size=300) | st.text(
    "\x1b\x9b[]0;31mAH\x07\n\r\t\u202e\u2066<&>'\"\\ ax", max_size=60
)


@given(ANY, st.integers(1, 100))
def test_a_foreign_text_is_one_harmless_line(raw: str, limit: int) -> None:
    """No control character, escape code, line break, lone surrogate or change of direction survives, nor a long text."""
    safe = text.plain(raw, limit)
    assert len(safe) <= limit
    assert safe == " ".join(safe.split())
    assert not {unicodedata.category(char) for char in safe} & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not set(safe) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    safe.encode("utf-8")


@given(ANY)
def test_making_safe_twice_changes_nothing(raw: str) -> None:
    """Text that passed the gate passes it unchanged."""
    once = text.plain(raw)
    assert text.plain(once) == once


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("Anna's iPhone", "Anna's iPhone"),
        ("  two\n\tlines\u2028here ", "two lines here"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b2Jgone", "gone"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "\\link"),
        ("ends in \x1b", "ends in"),
        ("ends in \x1b[", "ends in"),
        ("a\x00b\x7fc", "abc"),
        ("\ud800", ""),
        ("e\u0301\U0001f468\u200d\U0001f469", "e\u0301\U0001f468\u200d\U0001f469"),
        (None, "None"),
        (7, "7"),
    ],
)
def test_what_a_person_wrote_stays(raw: object, safe: str) -> None:
    """Accents, emoji and apostrophes stay; escape codes go whole."""
    assert text.plain(raw) == safe


def test_a_very_long_name_is_cut_with_an_ellipsis() -> None:
    """Ten kilobytes of name become one short line, and the cut shows."""
    assert text.plain("x" * 10_000) == "x" * 79 + "…"
    assert text.name("word " * 2000) == ("word " * 8)[:39].rstrip() + "…"
    assert text.clip("short", 5) == "short"


def test_a_name_from_right_to_left_cannot_turn_the_sentence_around() -> None:
    """It is isolated; other names are not decorated; an empty one is said to be one."""
    assert text.name("هاتف") == "\u2068هاتف\u2069"
    assert text.name("Anna") == "Anna"
    for nothing in ("", " \n", "\x1b[2J", "\u202e"):
        assert text.name(nothing) == "a phone without a name"


@given(ANY)
def test_markup_of_a_notification_shows_the_text_itself(raw: str) -> None:
    """A server that parses markup shows exactly the text, and finds no tag in it."""
    safe = text.plain(raw, 200)
    element = ET.fromstring(f"<b>{text.markup(safe)}</b>")
    assert (element.text or "") == safe
    assert len(element) == 0


@given(ANY)
def test_a_page_shows_the_text_itself(raw: str) -> None:
    """In HTML, in a text and in a quoted attribute, nothing breaks out."""
    seen: list[tuple[str, object]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, attrs))

    reader = Reader()
    reader.feed(f'<p title="{text.page(raw)}">{text.page(raw)}</p>')
    reader.close()
    assert seen == [("p", [("title", text.plain(raw, 2000))])]
    assert html.unescape(text.page(raw)) == text.plain(raw, 2000)


@given(ANY)
def test_a_metric_label_ends_where_it_should(raw: str) -> None:
    """Every quote and backslash in it is escaped, and it is one line."""
    label = text.metric_label(raw)
    assert "\n" not in label
    assert label.replace("\\\\", "").replace('\\"', "").count('"') == 0
    assert label.replace('\\"', '"').replace("\\\\", "\\") == text.plain(raw)


@pytest.mark.parametrize(
    ("account", "masked"),
    [
        ("anna@example.com", "a•••@example.com"),
        ("@example.com", "•••@example.com"),
        ("+491701234567", "+•••"),
        ("", "•••"),
        ("a\x1b[2J@b.c", "a•••@b.c"),
    ],
)
def test_an_account_is_recognisable_to_its_owner_only(account: str, masked: str) -> None:
    """One letter and the host."""
    assert text.masked_account(account) == masked


def test_a_udid_is_known_by_its_last_four_characters() -> None:
    """No log holds more of it."""
    assert text.short_udid("00008140-001C2D3E4F50001C") == "…001C"
    assert text.short_udid("") == "…"
