"""Not on Wi-Fi at night, which is something else than not found on Wi-Fi."""

from __future__ import annotations

import pytest
from facts_builder import Story

from backupwatch.facts import kinds
from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "no-wifi"
Y, N = True, False


def test_no_night_on_wifi_is_to_blame() -> None:
    """The phone's diagnostics, four nights long."""
    found = Story(4.5).nights(kinds.WIFI_JOINED, N, N, N, N).blamed(ID)
    assert found.evidence == ("On Wi-Fi on 0 of the last 4 nights that are known",)


def test_its_own_log_is_certain() -> None:
    """onWiFi:0 in every condition line."""
    story = Story(3.5)
    for back in range(3):
        story.log(story.last_night(back), "off-condition", onPower=True, locked=True, onWiFi=False)
    found = story.blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert "reported 3 times" in found.evidence[1]


def test_never_found_on_wifi_proves_nothing() -> None:
    """A sleeping phone takes itself off the network's list."""
    found = Story().finding(ID)
    assert found == NotChecked(ID, "the iPhone has only been seen over USB")


def test_wifi_without_internet_quotes_the_error() -> None:
    """Joined every night, yet error 308."""
    story = Story().nights(kinds.WIFI_JOINED, *[Y] * 9).log(1.5, "failure", 308)
    found = story.blamed(ID)
    assert found.summary == "The Wi-Fi that the iPhone uses at night has no internet"
    assert "error 308" in found.evidence[0]


def test_on_wifi_at_night_is_ruled_out() -> None:
    """Reached over Wi-Fi in three nights."""
    assert isinstance(Story().nights(kinds.CONNECTION, "wifi", "wifi", "wifi").finding(ID), RuledOut)


@pytest.mark.parametrize("code", [221, 224])
def test_backups_over_cellular_that_broke_off_want_wifi(code: int) -> None:
    """Cellular went away twice."""
    found = Story().log(1.5, "cancelled", code).log(2.5, "cancelled", code).blamed(ID)
    assert found.evidence[0].startswith("2 backups over cellular")
