"""What went wrong between us and iCloud, read from the answer itself.

The library words an outage as a wrong password and a captive portal as broken JSON. So every answer is judged
here, at the moment at which it comes in and before the library sees it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from backupwatch.facts.observation import BlindReason

LONGEST_WAIT: Final = 7 * 86_400.0
"""Seconds; a longer Retry-After is nonsense or a way to switch the watch off."""

_JSON_EXPECTED: Final = ("/setup/ws/", "/setup/web/", "/fmipservice/", "/signin/init")
"""Paths that answer JSON or nothing of use; the other sign-in pages may be HTML or empty."""


class Trouble(Exception):  # noqa: N818 - it is a finding, and said to people as such
    """An answer, or the lack of one, that ends this request.

    :ivar reason: machine-readable; :ivar sentence: one plain sentence that quotes nothing foreign.
    :ivar retry_after: seconds that the other side asked us to wait, or None.
    :ivar china: whether the account belongs to the other half of the world (China mainland or not), or None.
    """

    def __init__(
        self, reason: BlindReason, sentence: str, *, retry_after: float | None = None, china: bool | None = None
    ) -> None:
        self.reason = reason
        self.sentence = sentence
        self.retry_after = retry_after
        self.china = china
        super().__init__(sentence)


def of_exception(error: requests.RequestException) -> Trouble:
    """Why a request got no whole answer."""
    inner = error.args[0] if error.args else None
    cause = getattr(inner, "reason", inner)  # MaxRetryError wraps what happened
    if isinstance(cause, urllib3.exceptions.NewConnectionError):  # a kind of timeout in urllib3's eyes; so it is first
        return Trouble(BlindReason.NETWORK, "There is no way to Apple's servers from here; is this computer online?")
    if isinstance(error, requests.Timeout) or isinstance(cause, urllib3.exceptions.TimeoutError):
        return Trouble(BlindReason.TIMEOUT, "Apple's servers did not answer in time")
    if isinstance(error, requests.exceptions.SSLError):
        sentence = (
            "The connection to Apple is not genuine: a Wi-Fi sign-in page, a filter, or this computer's clock is wrong"
        )
        return Trouble(BlindReason.PORTAL, sentence)
    if isinstance(error, requests.exceptions.ProxyError):
        return Trouble(BlindReason.NETWORK, "The proxy that this computer is set to use does not answer")
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return Trouble(BlindReason.GARBAGE, "Apple's answer broke off in the middle")
    if isinstance(error, requests.ConnectionError):
        return Trouble(BlindReason.CONNECTION, "The connection to Apple's servers was cut")
    return Trouble(BlindReason.GARBAGE, "Apple's answer could not be read")


def of_response(response: requests.Response, now: datetime) -> Trouble | None:
    """What is wrong with an answer, or None where the library may judge it (200, 401, 403, 409, 421, 450 …).

    :param now: to turn a Retry-After date into seconds where the answer has no date of its own.
    """
    status = response.status_code
    wait = retry_after(response.headers, now)
    if status == 429:
        return Trouble(BlindReason.RATE_LIMITED, "Apple asks us to come back later", retry_after=wait)
    domain = table(response).get("domainToUse")
    if isinstance(domain, str):
        china = domain.lower().endswith(".cn")
        where = "belongs to" if china else "does not belong to"
        return Trouble(BlindReason.REFUSED, f"Apple says that this account {where} China mainland", china=china)
    if 300 <= status < 400 or status == 511:
        return Trouble(BlindReason.PORTAL, "A sign-in page of this network answers in place of Apple")
    if status == 407:
        return Trouble(BlindReason.NETWORK, "The proxy that this computer is set to use wants a password")
    if status in (404, 410):
        return Trouble(BlindReason.SERVER, "Apple no longer offers this page; backupwatch may need an update")
    if status >= 500:
        sentence = f"Apple's servers have trouble (HTTP {status})"
        return Trouble(BlindReason.SERVER, sentence, retry_after=wait)
    if status in (401, 403) and _is_page(response) and _wants_json(response):
        return Trouble(BlindReason.PORTAL, "A page of this network, or of a filter, answers in place of Apple")
    if status < 300 and _wants_json(response) and not isinstance(_json(response), dict):
        what = "a web page" if _is_page(response) else "something that cannot be read"
        return Trouble(BlindReason.GARBAGE, f"Apple answered with {what} in place of data")
    return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds of a Retry-After header (a number or an HTTP date), between 0 and :data:`LONGEST_WAIT`, or None."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
        since = parsedate_to_datetime(headers["Date"]) if "Date" in headers else now
        return min(max((until - since).total_seconds(), 0.0), LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None


def table(response: requests.Response) -> dict[str, Any]:
    """The answer's JSON object, or an empty one."""
    data = _json(response)
    return data if isinstance(data, dict) else {}


def service_errors(response: requests.Response | None) -> tuple[str, ...]:
    """Apple's error codes in an answer, such as ``-20101``; foreign, for comparing only."""
    rows = table(response).get("serviceErrors") if response is not None else None
    if not isinstance(rows, list):
        return ()
    return tuple(str(row.get("code")) for row in rows if isinstance(row, dict))


def _json(response: requests.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _wants_json(response: requests.Response) -> bool:
    path = urlsplit(response.url or "").path
    return any(part in path for part in _JSON_EXPECTED)


def _is_page(response: requests.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower() or response.content.lstrip()[:1] == b"<"
