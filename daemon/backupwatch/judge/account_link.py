"""Is this phone one of the watched account's? Its quota and flags say nothing about phones of other accounts."""

from __future__ import annotations

import re
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.observation import BlindReason, Json
from backupwatch.judge import about
from backupwatch.judge.finding import Case

_PRODUCT_TYPE: Final = re.compile(r"[A-Za-z]+\d+,\d+")


_WAITS_FOR_A_PERSON: Final = frozenset({BlindReason.REFUSED, BlindReason.SIGN_IN})


def is_parked(case: Case) -> bool:
    """Whether the account is not asked again until a person acts: what it said last holds for as long."""
    newest = max(case.snapshot.account.blinds, key=lambda blind: blind.observed_at, default=None)
    return newest is not None and newest.reason in _WAITS_FOR_A_PERSON


def on_account(case: Case) -> bool | None:
    """True or False where the facts tell, None where they do not.

    Find My facts on the phone were matched to it by the account's own list. Otherwise a device of the same name and
    model stands in the account's list of devices, or none of its model does; a list without product types
    (``iPhone17,1``) cannot show that a phone is missing from it.
    """
    if any(case.phone.spans(kind) for kind in (kinds.FIND_MY_STATUS, kinds.FIND_MY_CHARGING, kinds.LOW_POWER_MODE)):
        return True
    listed = case.snapshot.account.rows(kinds.ACCOUNT_DEVICES)
    name, model = case.phone.text(kinds.NAME), case.phone.text(kinds.MODEL)
    if listed is None or not listed.value or model is None or not (about.is_recent(listed, case) or is_parked(case)):
        return None
    if name is not None and any(
        row.get("name") == name.value and (row.get("model") == model.value or not _is_product_type(row.get("model")))
        for row in listed.value
    ):
        return True
    complete = all(_is_product_type(row.get("model")) for row in listed.value)
    return False if complete and all(row.get("model") != model.value for row in listed.value) else None


def _is_product_type(value: Json) -> bool:
    return isinstance(value, str) and _PRODUCT_TYPE.fullmatch(value) is not None
