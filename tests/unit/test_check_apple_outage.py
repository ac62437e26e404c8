"""Apple is to blame only for the nights that its trouble covered."""

from __future__ import annotations

import pytest
from facts_builder import Story, outage

from backupwatch.facts import kinds
from backupwatch.judge.finding import Blamed, Certainty, NotChecked, RuledOut

ID = "apple-outage"


def test_an_outage_over_all_missed_nights_is_certain() -> None:
    """Four nights without a backup, four nights of outage."""
    found = Story(4.5).apple(outage(4.4)).blamed(ID)
    assert found.certainty is Certainty.CERTAIN
    assert "It covers 4 of the 4 nights without a backup" in found.evidence


def test_an_outage_that_began_this_morning_cannot_explain_nine_days() -> None:
    """It is said, and ruled out."""
    assert isinstance(Story(9.5).apple(outage(0.2)).finding(ID), RuledOut)


def test_one_night_of_nine_is_not_enough() -> None:
    """Said with its number."""
    found = Story(9.5).apple(outage(1.0)).finding(ID)
    assert isinstance(found, RuledOut)
    assert "It covers 1 of the 9 nights without a backup" in found.evidence


def test_an_outage_that_is_over_still_explains_what_it_covered() -> None:
    """Down for three of the four nights, repaired yesterday; the fix is to let tonight pass."""
    found = Story(4.5).apple(outage(4.4, 1.2)).blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert "was not working" in found.summary


def test_an_event_remembered_from_an_earlier_reading_counts() -> None:
    """Apple's page forgets; we do not."""
    story = Story(4.5).apple()
    story.status.was("service_events", [outage(4.4, 0.5)], 0.4, 0.3)
    assert isinstance(story.finding(ID), Blamed)


def test_trouble_with_another_service_is_none() -> None:
    """Apple Music was down."""
    found = Story(4.5).apple(outage(4.4, service="Apple Music")).finding(ID)
    assert found == RuledOut(ID, ("Apple reports no trouble with iCloud Backup on the nights without a backup",))


@pytest.mark.parametrize(
    "change", [{"type": "Maintenance"}, {"status": "upcoming"}, {"status": "available"}, {"started_at": None}]
)
def test_planned_or_undated_events_are_no_cause(change: dict[str, object]) -> None:
    """Only what happened counts."""
    assert isinstance(Story(4.5).apple(outage(4.4) | change).finding(ID), RuledOut)
    assert isinstance(Story(4.5).apple(outage(4.4, 0.1) | change).finding(ID), RuledOut)


def test_a_page_without_icloud_backup_is_unknown_not_fine() -> None:
    """The list has changed its names."""
    assert isinstance(Story(4.5).apple(listed=("iCloud Drive",)).finding(ID), NotChecked)


def test_no_page_and_an_old_page_are_not_checked() -> None:
    """Nobody has looked."""
    assert isinstance(Story(4.5).finding(ID), NotChecked)
    story = Story(9.5)
    story.status.was("service_events", [], 40, 5).was("services_listed", ["iCloud Backup"], 40, 5)
    assert isinstance(story.finding(ID), NotChecked)


def test_the_phones_error_blames_apple_without_a_page() -> None:
    """Error 304: service unavailable."""
    found = Story(4.5).log(0.5, "failure", 304).blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert "error 304" in found.evidence[0]


def test_trouble_that_the_page_no_longer_lists_has_ended() -> None:
    """Listed as going on for two days, forgotten since 57: no cause today, and Apple is not called down."""
    story = Story(9.5)
    story.status.was("service_events", [outage(60)], 60, 58).was("service_events", [], 57, 0)
    story.status.only("services_listed", ["iCloud Backup"])
    assert isinstance(story.finding(ID), RuledOut)
    assert story.verdict().services.state == "ok"


def test_a_page_last_read_days_ago_proves_no_outage_of_the_nights_since() -> None:
    """It listed an outage nine days ago; nobody has looked since."""
    story = Story(9.5)
    story.status.only("service_events", [outage(9.4)], 9.4, 9.3).only("services_listed", ["iCloud Backup"], 9.4, 9.3)
    assert isinstance(story.finding(ID), NotChecked)


def test_an_outage_read_some_hours_ago_is_told_with_the_moment_of_reading() -> None:
    """Three of four nights are covered for certain; what came after the reading is not claimed."""
    story = Story(4.5)
    story.status.only("service_events", [outage(4.4)], 4.4, 1.0).only("services_listed", ["iCloud Backup"], 4.4, 1.0)
    found = story.blamed(ID)
    assert found.certainty is Certainty.LIKELY
    assert found.evidence[0].startswith("On Sat 21 Nov, 15:05 Apple reported trouble with iCloud Backup since")
    assert "It covers 3 of the 4 nights without a backup" in found.evidence


def test_one_refusal_explains_one_night_and_never_says_that_apple_is_down() -> None:
    """Error 304 once, the page reports no trouble, and the phone never charged."""
    story = Story(9.5).apple().nights(kinds.ON_POWER, *[False] * 9).log(1.4, "failure", 304)
    found = story.blamed(ID)
    assert found.certainty is Certainty.POSSIBLE
    assert 0.1 < found.explains < 0.12
    assert found.summary == "Apple's servers refused the iPhone's backup"
    assert story.diagnosis().causes[0].id == "no-power"


@pytest.mark.parametrize("code", [17, 13])
def test_too_many_requests_and_a_locked_backup_are_apples_refusals(code: int) -> None:
    """Both pass by waiting."""
    assert f"error {code}" in Story(4.5).log(0.5, "failure", code).blamed(ID).evidence[0]
