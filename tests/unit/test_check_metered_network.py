"""A limited network holds the backup back."""

from __future__ import annotations

from facts_builder import Story

from backupwatch.judge.finding import Certainty, NotChecked, RuledOut

ID = "metered-network"


def test_low_data_mode_in_the_log_is_certain() -> None:
    """constrained:1, in two nights; in one it is possible."""
    story = Story()
    story.log(story.last_night(), "network", available=True, expensive=False, constrained=True)
    assert story.blamed(ID).certainty is Certainty.POSSIBLE
    story.log(story.last_night(1), "network", available=True, expensive=False, constrained=True)
    assert story.blamed(ID).certainty is Certainty.CERTAIN


def test_a_hotspot_by_day_says_nothing_of_the_network_at_night() -> None:
    """On a train at half past one."""
    found = Story().log(0.02, "network", available=True, expensive=True).finding(ID)
    assert isinstance(found, NotChecked)
    assert "only by day" in found.reason


def test_one_broken_connection_of_last_week_explains_one_night() -> None:
    """Error 300 eight days ago."""
    found = Story().log(8.4, "failure", 300).blamed(ID)
    assert found.certainty is Certainty.POSSIBLE
    assert found.explains < 0.15


def test_a_broken_connection_is_likely() -> None:
    """Error 300."""
    found = Story().log(1.5, "failure", 300).blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert "error 300" in found.evidence[0]


def test_all_conditions_met_and_nothing_started_is_likely() -> None:
    """Two nights on the charger, locked, on Wi-Fi, from midnight on."""
    story = Story(4.5)
    for back in range(2):
        story.log(story.last_night(back), "on-condition", enabled=True, locked=True, onPower=True, onWiFi=True)
    assert "On 2 nights" in story.blamed(ID).evidence[0]


def test_conditions_lost_again_soon_do_not_blame_the_network() -> None:
    """Unplugged after an hour."""
    story = Story(4.5)
    for back in range(2):
        story.log(story.last_night(back), "on-condition", onPower=True, onWiFi=True)
        story.log(story.last_night(back) - 0.04, "off-condition", onPower=False, onWiFi=True)
    assert isinstance(story.finding(ID), NotChecked)


def test_an_unlimited_network_is_ruled_out_and_silence_not_checked() -> None:
    """The log says so, or it could not be heard."""
    story = Story().log(1.5, "network", available=True, expensive=False, constrained=False)
    assert isinstance(story.finding(ID), RuledOut)
    found = Story().finding(ID)
    assert isinstance(found, NotChecked)
    assert "log" in found.reason
