"""Apple's pages over real HTTP: asked politely, believed carefully, remembered with their date."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from backupwatch import __version__
from backupwatch.facts import kinds
from backupwatch.facts.observation import STATUS, Blind, BlindReason, Fact, Observation
from backupwatch.sources import apple_pages, apple_status, ios_releases
from backupwatch.sources.look import Request
from backupwatch.sources.looker import Looker

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATUS_PAGE = {
    "drpost": False,
    "services": [
        {
            "serviceName": "iCloud Backup",
            "redirectUrl": None,
            "events": [
                {
                    "statusType": "Outage",
                    "eventStatus": "ongoing",
                    "epochStartDate": 1_795_341_600_000,  # 2026-11-22T10:00:00Z
                    "epochEndDate": None,
                    "usersAffected": "Some users were affected",
                    "message": "Users may be unable to back up.",
                }
            ],
        },
        {"serviceName": "Apple Music", "events": []},
    ],
}
Answer = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """One web address on loopback that answers as the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answer: Answer = page(json.dumps(STATUS_PAGE).encode())
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
                self.close_connection = True
                site.answer(self)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}/status.js"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Nothing listens there any more."""
        self._server.shutdown()
        self._server.server_close()


def page(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def raw(content: bytes) -> Answer:
    return lambda handler: handler.wfile.write(content) and None  # type: ignore[func-returns-value]


def reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hang(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.recv(1)  # until the client gives up


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    handler.connection.recv(1)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


async def asked(site: Site, state: Path, now: datetime = NOW, **args: Any) -> list[Fact]:
    request = Request(now, state, {"url": site.url, "min_age_s": 0, "patience_s": 5, **args})
    return [fact async for fact in apple_status.look(request)]


def events(facts: list[Fact]) -> Observation:
    return next(f for f in facts if isinstance(f, Observation) and f.kind == kinds.SERVICE_EVENTS)


def blinds(facts: list[Fact]) -> list[Blind]:
    return [f for f in facts if isinstance(f, Blind)]


async def test_the_status_page_is_read_through_a_worker(site: Site, tmp_path: Path) -> None:
    """From a real page in a real process of its own come the outage and the list of services."""
    facts = await Looker().look(
        "apple-status", Request(NOW, tmp_path, {"url": site.url, "min_age_s": 0}), 60, subject=STATUS
    )
    assert blinds(facts) == []
    assert {f.subject for f in facts} == {STATUS}
    assert events(facts).value == [
        {
            "service": "iCloud Backup",
            "type": "Outage",
            "status": "ongoing",
            "started_at": "2026-11-22T10:00:00Z",
            "ended_at": None,
        }
    ]
    assert [f.value for f in facts if isinstance(f, Observation) and f.kind == kinds.SERVICES_LISTED] == [
        ["Apple Music", "iCloud Backup"]
    ]
    assert (tmp_path / "cache" / "apple-status.page").stat().st_mode & 0o777 == 0o600


async def test_the_request_says_who_asks_and_nothing_about_anybody(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own name and version, gzip, no cookie, no password, no device; an unchanged page is not sent again."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login anna password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    body = gzip.compress(json.dumps(STATUS_PAGE).encode())
    site.answer = page(
        body, Content_Encoding="gzip", ETag='"one"', Last_Modified="Sun, 22 Nov 2026 10:00:00 GMT", Set_Cookie="who=you"
    )
    await asked(site, tmp_path)
    site.answer = page(b"", 304)
    later = NOW + timedelta(hours=6)
    facts = await asked(site, tmp_path, later)
    first, second = site.asked
    assert first["user-agent"] == f"backupwatch/{__version__}"
    assert first["accept-encoding"] == "gzip"
    assert "if-none-match" not in first
    assert second["if-none-match"] == '"one"'
    assert second["if-modified-since"] == "Sun, 22 Nov 2026 10:00:00 GMT"
    assert not {"cookie", "authorization", "referer"} & (first.keys() | second.keys())
    assert first["path"] == "/status.js"
    assert blinds(facts) == []
    assert events(facts).observed_at == later, "unchanged means: true now"


async def test_a_young_copy_is_served_without_asking(site: Site, tmp_path: Path) -> None:
    """However often somebody checks, the page is asked at most as often as configured, and the copy says its date."""
    await asked(site, tmp_path, min_age_s=3600)
    facts = await asked(site, tmp_path, NOW + timedelta(minutes=59), min_age_s=3600)
    assert len(site.asked) == 1
    assert (events(facts).observed_at, blinds(facts)) == (NOW, [])
    await asked(site, tmp_path, NOW + timedelta(minutes=61), min_age_s=3600)
    await asked(site, tmp_path, NOW - timedelta(days=1), min_age_s=3600)
    assert len(site.asked) == 3, "a copy from the future (the clock was set back) is not young"


PORTAL = b"<!DOCTYPE html><html><body>Welcome to the hotel. Please sign in.</body></html>"
FAULTS: dict[str, tuple[Answer, BlindReason]] = {
    "a sign-in page of the network": (page(PORTAL, Content_Type="text/html"), BlindReason.PORTAL),
    "one with a byte order mark": (page(b"\xef\xbb\xbf \n" + PORTAL), BlindReason.PORTAL),
    "network authentication required": (page(PORTAL, 511), BlindReason.PORTAL),
    "redirects in a circle": (page(b"", 302, Location="/status.js"), BlindReason.PORTAL),
    "half a document": (page(json.dumps(STATUS_PAGE).encode()[:200]), BlindReason.GARBAGE),
    "nothing": (page(b""), BlindReason.GARBAGE),
    "another document": (page(b'{"services": []}'), BlindReason.GARBAGE),
    "bytes": (page(bytes(range(256))), BlindReason.GARBAGE),
    "nested without end": (page(b"[" * 200_000), BlindReason.GARBAGE),
    "broken gzip": (page(b"not gzip", Content_Encoding="gzip"), BlindReason.GARBAGE),
    "nothing changed, to a newcomer": (page(b"", 304), BlindReason.GARBAGE),
    "a broken off body": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"), BlindReason.CONNECTION),
    "a broken off chunk": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
        BlindReason.CONNECTION,
    ),
    "no HTTP at all": (raw(b"220 smtp ready\r\n"), BlindReason.CONNECTION),
    "a reset": (reset, BlindReason.CONNECTION),
    "silence": (hang, BlindReason.TIMEOUT),
    "silence in the middle": (drip, BlindReason.TIMEOUT),
    "an error of the server": (page(b"oops", 503, Retry_After="120"), BlindReason.SERVER),
    "not found": (page(b"", 404), BlindReason.SERVER),
    "a redirect to nowhere": (page(b"", 302), BlindReason.SERVER),
    "too many requests": (page(b"", 429, Retry_After="7200"), BlindReason.RATE_LIMITED),
    "a redirect to a file": (page(b"", 302, Location="file:///etc/passwd"), BlindReason.NOT_CONFIGURED),
}


@pytest.mark.parametrize(
    ("fault", "known"),
    [(fault, known) for fault in FAULTS for known in (False, True) if not (known and "newcomer" in fault)],
)
async def test_every_trouble_is_named_and_the_last_good_copy_stays(
    fault: str, known: bool, site: Site, tmp_path: Path
) -> None:
    """Each trouble is told apart; what was known stays known with its own date, and its age is said."""
    if known:
        await asked(site, tmp_path)
    site.answer, reason = FAULTS[fault]
    later = NOW + timedelta(hours=5)
    facts = await asked(site, tmp_path, later, patience_s=0.4 if reason is BlindReason.TIMEOUT else 5)
    (blind,) = blinds(facts)
    assert (blind.reason, blind.subject, blind.look, blind.observed_at) == (reason, STATUS, "apple-status", later)
    assert blind.sentence.startswith("Apple's system status page ")
    assert ("its copy of 5 hours ago is used" in blind.sentence) is known
    if known:
        assert events(facts).observed_at == NOW
    else:
        assert len(facts) == 1
    site.answer = page(json.dumps(STATUS_PAGE).encode())
    assert blinds(await asked(site, tmp_path, later + timedelta(days=1))) == []


async def test_a_page_in_trouble_is_not_asked_more_often_than_one_that_is_well(site: Site, tmp_path: Path) -> None:
    """Checks and restarts during an outage leave the server alone, and tell the trouble and the copy's age anew."""
    await asked(site, tmp_path, NOW - timedelta(hours=2))
    site.answer = page(b"", 503)
    await asked(site, tmp_path, min_age_s=3600)
    facts = await asked(site, tmp_path, NOW + timedelta(minutes=59), min_age_s=3600)
    assert len(site.asked) == 2
    (blind,) = blinds(facts)
    assert (blind.reason, blind.observed_at, blind.retry_after) == (BlindReason.SERVER, NOW, None)
    assert "error (503); its copy of 2 hours ago is used" in blind.sentence
    assert events(facts).observed_at == NOW - timedelta(hours=2)
    await asked(site, tmp_path, NOW - timedelta(minutes=1), min_age_s=3600)
    assert len(site.asked) == 3, "a failure from the future (the clock was set back) counts for nothing"
    site.answer = page(json.dumps(STATUS_PAGE).encode())
    assert blinds(await asked(site, tmp_path, NOW + timedelta(minutes=61), min_age_s=3600)) == []
    assert len(site.asked) == 4


async def test_a_wish_to_wait_is_respected_however_often_somebody_checks(site: Site, tmp_path: Path) -> None:
    """Retry-After outlasts our own pause, says what is left of it, and ends with another address."""
    site.answer = page(b"", 429, Retry_After="7200")
    await asked(site, tmp_path, min_age_s=60)
    facts = await asked(site, tmp_path, NOW + timedelta(minutes=90), min_age_s=60)
    assert len(site.asked) == 1
    assert [(blind.reason, blind.retry_after) for blind in blinds(facts)] == [(BlindReason.RATE_LIMITED, 1800)]
    await asked(site, tmp_path, NOW + timedelta(minutes=90), url=site.url + "?other")
    await asked(site, tmp_path, NOW + timedelta(minutes=121), min_age_s=60)
    assert len(site.asked) == 3


@pytest.mark.parametrize("damage", [b"", b"{}", b"[" * 9000, b'{"url": 1}', b"\xff"])
async def test_a_damaged_note_of_a_failure_holds_nothing_up(damage: bytes, site: Site, tmp_path: Path) -> None:
    """The page is asked as if nothing had been."""
    site.answer = page(b"", 503)
    await asked(site, tmp_path, min_age_s=3600)
    (tmp_path / "cache" / "apple-status.failed").write_bytes(damage)
    site.answer = page(json.dumps(STATUS_PAGE).encode())
    assert blinds(await asked(site, tmp_path, min_age_s=3600)) == []


async def test_being_asked_to_wait_is_passed_on(site: Site, tmp_path: Path) -> None:
    """Seconds or a date, and never more than a day."""
    date = "Sun, 22 Nov 2026 12:00:00 GMT"
    for header, wait in (
        ("120", 120),
        ("Sun, 22 Nov 2026 12:05:00 GMT", 300),
        ("999999999999", 86_400),
        ("soon", None),
    ):
        site.answer = page(b"", 503, Retry_After=header, Date=date)
        assert blinds(await asked(site, tmp_path / str(wait)))[0].retry_after == wait


async def test_nobody_there_is_told_apart_from_no_network(site: Site, tmp_path: Path) -> None:
    """A refused connection is not the same as a name that cannot be looked up."""
    await asked(site, tmp_path)
    site.close()
    facts = await asked(site, tmp_path)
    assert blinds(facts)[0].reason is BlindReason.CONNECTION
    assert events(facts).observed_at == NOW
    facts = await asked(site, tmp_path, url="http://no-such-host.invalid/x")
    assert blinds(facts)[0].reason is BlindReason.NETWORK
    assert len(facts) == 1, "a copy of another address is not used"
    for url in ("", "ftp://127.0.0.1/x", "status", "http://"):
        assert blinds(await asked(site, tmp_path, url=url))[0].reason is BlindReason.NOT_CONFIGURED


async def test_a_bomb_is_not_unpacked(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small answer that unpacks to something huge is refused."""
    monkeypatch.setattr(apple_pages, "MAX_BODY", 1_000_000)
    site.answer = page(gzip.compress(b" " * 30_000_000), Content_Encoding="gzip")
    assert blinds(await asked(site, tmp_path))[0].reason is BlindReason.GARBAGE
    site.answer = page(b" " * 1_100_000 + json.dumps(STATUS_PAGE).encode())
    assert blinds(await asked(site, tmp_path))[0].reason is BlindReason.GARBAGE


async def test_an_honest_redirect_is_followed(site: Site, tmp_path: Path) -> None:
    """A page may move once."""
    good = page(json.dumps(STATUS_PAGE).encode())
    moved = page(b"", 301, Location="/new.js")
    site.answer = lambda handler: (good if handler.path == "/new.js" else moved)(handler)
    assert blinds(await asked(site, tmp_path)) == []


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"garbage", b'{"url": 1}\nx', b"[" * 9000])
async def test_a_damaged_copy_is_fetched_anew(damage: bytes, site: Site, tmp_path: Path) -> None:
    """A half written or strange cache file is as good as none."""
    site.answer = page(json.dumps(STATUS_PAGE).encode(), ETag='"one"')
    await asked(site, tmp_path)
    file = tmp_path / "cache" / "apple-status.page"
    for content in (damage, file.read_bytes()[:-5]):
        file.write_bytes(content)
        assert blinds(await asked(site, tmp_path, min_age_s=3600)) == []
        assert "if-none-match" not in site.asked[-1]


async def test_a_state_folder_that_cannot_be_written_costs_only_the_copy(site: Site, tmp_path: Path) -> None:
    """The page is read all the same."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert blinds(await asked(site, tmp_path)) == []


async def test_the_list_of_releases_is_read_through_a_worker(site: Site, tmp_path: Path) -> None:
    """The newest iOS of each asked model, and no word about the models on the wire."""
    current = {"ProductVersion": "26.6.2", "ReleaseDate": "2026-09-08T00:00:00Z", "ExpirationDate": "2026-12-09"}
    pulled = {"ProductVersion": "26.7", "ReleaseDate": "2026-09-09T00:00:00Z", "ExpirationDate": "2026-09-20"}
    releases = [release | {"SupportedDevices": ["iPhone17,1"]} for release in (pulled, current)]
    feed = {"OSVersions": [{"OSVersion": "26", "Latest": releases[0], "SecurityReleases": releases}]}
    site.answer = page(json.dumps(feed).encode())
    request = Request(NOW, tmp_path, {"url": site.url, "models": ["iPhone17,1", "iPhone7,2"], "min_age_s": 86_400})
    facts = await Looker().look("ios-releases", request, 60)
    assert [f.value for f in facts if isinstance(f, Observation)] == [
        {"iPhone17,1": {"version": "26.6.2", "released_at": "2026-09-08T00:00:00Z", "own_major": {"26": "26.6.2"}}}
    ]
    assert "iPhone" not in json.dumps(site.asked)
    assert [fact async for fact in ios_releases.look(Request(NOW, tmp_path, {"url": site.url, "models": []}))] == []
    assert len(site.asked) == 1


async def test_a_hanging_page_is_given_up_within_the_workers_deadline(site: Site, tmp_path: Path) -> None:
    """The worker itself says so, and still hands over the last good copy."""
    await asked(site, tmp_path)
    site.answer = hang
    request = Request(NOW, tmp_path, {"url": site.url, "min_age_s": 0, "patience_s": 0.4})
    facts = await Looker().look("apple-status", request, 60, subject=STATUS)
    assert [b.reason for b in blinds(facts)] == [BlindReason.TIMEOUT]
    assert events(facts).observed_at == NOW
