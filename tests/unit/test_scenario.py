"""Reading stories: what is wrong is said with file, line and key."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupwatch.errors import ConfigError
from backupwatch.simulator import scenario
from backupwatch.simulator.script import Scenario
from backupwatch.simulator.values import lockdown_values
from backupwatch.simulator.world import World, cast_of

TODAY = date(2026, 11, 22)
CAUSES = {
    "icloud-backup-off", "no-wifi", "no-power", "icloud-storage-full", "apple-outage", "sign-in-needed",
    "restart-iphone", "reset-settings", "update-ios", "managed-policy", "clock-wrong", "iphone-storage-full",
    "locked-since-restart", "restore-in-progress", "low-power-mode", "email-unverified", "metered-network",
    "pairing-lost",
}  # fmt: skip


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        scenario.parse(text, "mine.toml")
    assert caught.value.exit_code == 2
    line = caught.value.line()
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('title = "t"\ndais = 3\n', "mine.toml:2: dais: unknown key"),
        ("title = 3\n", "mine.toml:1: title: input should be a valid string"),
        ('title = "t"\n[[phone]]\nname = "x"\n', "mine.toml:2: phone.0.udid: field required"),
        ('title = "t"\n\n[[phone]]\nudid = "00"\n[[phone]]\nudid = "01"\nbattery = 101\n', "mine.toml:7: phone.1.battery: "),
        ('title = "t"\n[[phone]]\nudid = "00"\n[[phone.at]]\nday = 1\n', "mine.toml:5: phone.0.at.0.day: "),
        ('title = "t"\n[[phone]]\nudid = "00"\nbackups = [{ time = "25:00" }]\n', "mine.toml:4: phone.0.backups.0.time: "),
        ('title = "t"\n[[phone]]\nudid = "00"\nfault = [{ step = "nap", kind = "hang" }]\n', "mine.toml:4: phone.0.fault.0.step: "),
        ('title = "t"\n[[phone]]\nudid = "00"\nnights = { powr = true }\n', "mine.toml:4: phone.0.nights.powr: unknown key"),
        ('title = "t"\n[[phone]]\nudid = "00"\n[[phone.at]]\nday = -1\ndays = { battery = 500 }\n', "mine.toml:6: phone.0.at.0.days.battery: "),
        ('title = "t"\nstory = \n', "mine.toml:2: not TOML: "),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, expected: str) -> None:
    """The file, the line, the key and what is wrong stand in one line."""
    assert complaint(text).startswith(expected)


def test_two_phones_cannot_share_a_udid() -> None:
    """The same UDID twice is a mistake, also where it comes from counting."""
    text = 'title = "t"\n[[phone]]\nudid = "00"\n[[phone]]\nudid = "00"\n'
    assert complaint(text).startswith("mine.toml:5: phone.1.udid: ")
    assert "phone.0.udid" in complaint('title = "t"\n[[phone]]\nudid = "00"\ncount = 2\n')


def test_a_change_of_the_account_needs_a_day() -> None:
    """Changes of the account are checked like those of a phone."""
    assert complaint('title = "t"\n[[account.at]]\nused = 3\n').startswith("mine.toml:2: account.at.0.day: ")
    assert complaint('title = "t"\naccount.at = 3\n').startswith("mine.toml:2: account.at: must be a list of tables")


def test_a_missing_file_is_named() -> None:
    """A story that cannot be read is named, with the reason."""
    with pytest.raises(ConfigError, match="cannot be read"):
        scenario.find("/nowhere/mine.toml")


def test_an_unknown_name_gets_the_nearest_one_and_the_way_to_the_list() -> None:
    """Who asks for a story that does not exist learns which there are."""
    with pytest.raises(ConfigError, match="Did you mean all-fine"):
        scenario.find("all-fin")
    with pytest.raises(ConfigError, match="demo --list"):
        scenario.find("no-such-story")


def test_there_is_a_story_for_every_cause() -> None:
    """Each cause that the watcher knows has a story in which it is the answer."""
    stories = {name: scenario.load(path) for name, path in scenario.shipped().items()}
    assert {story.cause for story in stories.values()} >= CAUSES
    assert {"all-fine", "family-of-four", "school-cart-40", "nasty-names", "faults"} <= set(stories)
    for name, story in stories.items():
        assert story.title, name
        assert story.story.endswith("."), name
        assert story.cause in CAUSES | {""}, name


def test_the_school_cart_holds_forty() -> None:
    """A compact story counts its phones out, each with a UDID and a name of its own."""
    cart = scenario.find("school-cart-40")
    assert len(cast_of(cart)) == 40


def test_the_watcher_looks_at_night_too() -> None:
    """The moments of looking are in order, end today, and come at night and by day."""
    moments = Scenario(title="t", days=2, looks=["13:00", "02:30"]).moments(TODAY)
    assert moments[0] == datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
    assert moments[-1] == datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
    assert len(moments) == 6


LINES = [line for path in scenario.shipped().values() for line in path.read_text().splitlines() if len(line) < 120]


@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(set(scenario.shipped()) - {"faults", "nasty-names", "school-cart-40"})),
    where=st.integers(min_value=0, max_value=40),
    instead=st.one_of(st.none(), st.sampled_from(LINES), st.text(max_size=30)),
)
def test_no_story_ends_in_a_traceback(name: str, where: int, instead: str | None) -> None:
    """Whatever line of a story is lost, doubled or garbled: it is still a story, or one line says what is wrong."""
    lines = scenario.shipped()[name].read_text().splitlines()
    where %= len(lines)
    lines[where : where + (instead is None)] = [] if instead is None else [instead]
    complaint, story = "", None
    try:
        story = scenario.parse("\n".join(lines), "mine.toml")
    except ConfigError as error:
        complaint = error.line()
    if story is None:
        assert complaint.startswith("mine.toml")
        assert "\n" not in complaint
    else:
        for at in story.moments(TODAY)[::7]:
            world = World(story, TODAY, at)
            for udid in world.udids:
                assert lockdown_values(world.phone(udid))[""]["UniqueDeviceID"] == udid
            assert "devices" in world.account
