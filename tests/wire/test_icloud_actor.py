"""The simulated iCloud is a fair stand-in: a client written from the specification alone can sign in to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from typing import Any

import pytest
import requests
from tests.wire.icloud_kit import ANNA, PASSWORD

from backupwatch.simulator.icloud import ICloudActor
from backupwatch.simulator.icloud_http import faulty

# RFC 5054, appendix A, 2048-bit group; g = 2.
PRIME = int(
    "AC6BDB41324A9A9BF166DE5E1389582FAF72B6651987EE07FC3192943DB56050A37329CBB4A099ED8193E0757767A13DD52312AB4B03310D"
    "CD7F48A9DA04FD50E8083969EDB767B0CF6095179A163AB3661A05FBD5FAAAE82918A9962F0B93B855F97993EC975EEAA80D740ADBF4FF74"
    "7359D041D5C33EA71D281E446B14773BCA97B43A23FB801676BD207A436C6481F1D2B9078717461A5B9D32E688F87748544523B524B0D57D"
    "5EA77A2775D2ECFA032CFBDBF52FB3786160279004E57AE6AF874E7303CE53299CCC041C7BC308D82A5698F3A8D0C38271AE35F8E9DBFBB6"
    "94B5C803D89F7AE435DE236D525F54759B65E372FCD68EF20FA7111F9E4AFF73",
    16,
)


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def octets(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def padded(value: int) -> bytes:
    return value.to_bytes(256, "big")


def sign_in(base: str, password: str, protocol: str) -> requests.Response:
    """SRP-6a by hand: RFC 5054's k and u, and x without the user's name as Apple wants it."""
    secret = number(os.urandom(32))
    public = pow(2, secret, PRIME)
    protocols = {"a": base64.b64encode(octets(public)).decode(), "accountName": ANNA, "protocols": [protocol]}
    start = requests.post(f"{base}/appleauth/auth/signin/init", json=protocols, timeout=10).json()
    salt, other = base64.b64decode(start["salt"]), number(base64.b64decode(start["b"]))
    digest = sha(password.encode())
    digest = digest.hex().encode() if protocol == "s2k_fo" else digest
    drawn = hashlib.pbkdf2_hmac("sha256", digest, salt, start["iteration"], 32)
    x = number(sha(salt, sha(b":" + drawn)))
    k, u = number(sha(octets(PRIME), padded(2))), number(sha(padded(public), padded(other)))
    shared = sha(octets(pow(other - k * pow(2, x, PRIME), secret + u * x, PRIME)))
    mixed = bytes(one ^ two for one, two in zip(sha(octets(PRIME)), sha(padded(2)), strict=True))
    proof = sha(mixed, sha(ANNA.encode()), salt, octets(public), octets(other), shared)
    answer = {"accountName": ANNA, "c": start["c"], "m1": base64.b64encode(proof).decode(), "trustTokens": []}
    return requests.post(f"{base}/appleauth/auth/signin/complete", json=answer, timeout=10)


@pytest.mark.parametrize("protocol", ["s2k", "s2k_fo"])
async def test_srp_agrees_with_a_client_from_the_specification(protocol: str) -> None:
    """The right password is proven, the wrong one is not, in both of Apple's ways of drawing it out."""
    async with ICloudActor(lambda: {"protocol": protocol, "two_factor": "none"}) as actor:
        right = await asyncio.to_thread(sign_in, actor.base_url, PASSWORD, protocol)
        wrong = await asyncio.to_thread(sign_in, actor.base_url, "wrong", protocol)
    assert right.status_code == 200
    assert right.headers["X-Apple-Session-Token"] in actor.secrets
    assert wrong.status_code == 401
    assert wrong.json()["serviceErrors"][0]["code"] == "-20101"
    assert actor.sign_ins == 2


async def test_nothing_is_told_without_a_session() -> None:
    """Storage and devices are for signed-in browsers; what is not known is not found."""
    asked: list[tuple[str, str, int]] = [
        ("POST", "/setup/ws/1/validate", 421),
        ("POST", "/setup/ws/1/storageUsageInfo", 421),
        ("GET", "/setup/web/device/getDevices", 421),
        ("POST", "/fmipservice/client/web/initClient", 450),
        ("GET", "/elsewhere", 404),
    ]
    async with ICloudActor() as actor:
        for method, path, status in asked:
            answer = await asyncio.to_thread(requests.request, method, actor.base_url + path, timeout=10)
            assert answer.status_code == status
    assert [request.endpoint for request in actor.requests] == ["validate", "storage", "devices", "findmy", ""]


@pytest.mark.parametrize("fault", ["no-such-word", {"body": "html"}, {"status": "soon"}])
def test_a_scenario_that_asks_for_an_unknown_fault_is_told(fault: Any) -> None:
    """A misspelt fault in a scenario is an error, not a healthy account."""
    with pytest.raises((ValueError, KeyError)):
        faulty(fault)
