"""Why a request to Apple got no whole answer, told apart by what requests and urllib3 raise."""

from __future__ import annotations

import pytest
import requests
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)
from urllib3.exceptions import ProxyError as PoolProxyError
from urllib3.exceptions import SSLError as PoolSSLError

from backupwatch.facts.observation import BlindReason
from backupwatch.sources.icloud_trouble import of_exception

POOL = HTTPSConnectionPool("setup.icloud.com")
LINE = HTTPSConnection("setup.icloud.com")


def tried(reason: Exception) -> MaxRetryError:
    """What urllib3 makes of a failure, and requests hands on."""
    return MaxRetryError(POOL, "/setup/ws/1/validate", reason)


REFUSED = NewConnectionError(LINE, "[Errno 111] Connection refused")
UNKNOWN = NameResolutionError("setup.icloud.com", LINE, OSError(-3, "Temporary failure"))  # type: ignore[arg-type]
EXPIRED = PoolSSLError("certificate verify failed: certificate is not yet valid")


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (requests.exceptions.SSLError(tried(EXPIRED)), BlindReason.PORTAL, "clock is wrong"),
        (requests.exceptions.ProxyError(tried(PoolProxyError("no tunnel", OSError()))), BlindReason.NETWORK, "proxy"),
        (requests.ConnectionError(tried(REFUSED)), BlindReason.NETWORK, "is this computer online?"),
        (requests.ConnectionError(tried(UNKNOWN)), BlindReason.NETWORK, "is this computer online?"),
        (requests.ConnectTimeout(tried(ConnectTimeoutError("slow"))), BlindReason.TIMEOUT, "in time"),
        (requests.ReadTimeout(ReadTimeoutError(POOL, "/", "slow")), BlindReason.TIMEOUT, "in time"),
        (requests.ConnectionError(ReadTimeoutError(POOL, "/", "slow")), BlindReason.TIMEOUT, "in time"),
        (
            requests.exceptions.ChunkedEncodingError(ProtocolError("broken", IncompleteRead(3, 9))),
            BlindReason.GARBAGE,
            "broke off in the middle",
        ),
        (requests.exceptions.ContentDecodingError(HTTPError("not gzip")), BlindReason.GARBAGE, "broke off"),
        (requests.ConnectionError(ProtocolError("aborted", ConnectionResetError())), BlindReason.CONNECTION, "cut"),
        (requests.ConnectionError(), BlindReason.CONNECTION, "cut"),
        (requests.exceptions.InvalidURL("http://"), BlindReason.GARBAGE, "could not be read"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_failure_of_the_line_has_its_name_and_its_sentence(
    error: requests.RequestException, reason: BlindReason, words: str
) -> None:
    """A wrong clock, a dead proxy and a computer that is offline are mended in different places."""
    trouble = of_exception(error)
    assert trouble.reason is reason
    assert words in trouble.sentence
    assert "icloud.com" not in trouble.sentence, "nothing foreign is quoted"
