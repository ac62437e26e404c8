"""The account is read over real HTTP with a saved session; every way in which that fails is told apart."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.wire.icloud_kit import ANNA, DEVICE, NOW, PHONE, UDID, Cloud, cloud_at

from backupwatch.facts import kinds
from backupwatch.facts.observation import Observation
from backupwatch.sources import icloud_files
from backupwatch.sources.icloud_client import Client
from backupwatch.sources.icloud_trouble import Trouble
from backupwatch.sources.looker import Looker

GB = 2**30


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def looker() -> AsyncIterator[Looker]:
    """One worker process for the whole module; tests that are about restarts start their own."""
    looker = Looker(keep=True)
    yield looker
    await looker.close()


@pytest_asyncio.fixture(loop_scope="module")
async def cloud(tmp_path: Path, looker: Looker) -> AsyncIterator[Cloud]:
    async with cloud_at(tmp_path, looker) as cloud:
        cloud.actor.signed_in(tmp_path)
        yield cloud


async def test_one_look_tells_quota_state_devices_and_session(cloud: Cloud) -> None:
    """One polite look tells how full the account is, that the session works, and until when."""
    cloud.account |= {"total": 50 * GB, "used": 48 * GB, "backup": 6 * GB, "photos": 30 * GB, "email_verified": False}
    seen = await cloud.look()
    assert seen.asked == ["validate", "storage", "devices", "findmy"]
    assert seen.value(kinds.ACCOUNT_STATE) == "ok"
    quota: Any = seen.value(kinds.QUOTA)
    assert (quota["total_bytes"], quota["available_bytes"], quota["backup_bytes"]) == (50 * GB, 2 * GB, 6 * GB)
    assert quota["media"]["photos"] == 30 * GB
    assert seen.value(kinds.OVER_QUOTA) is False
    assert seen.value(kinds.ALMOST_FULL) is True
    assert seen.value(kinds.PAID_QUOTA) is True
    assert seen.value(kinds.EMAIL_VERIFIED) is False
    assert seen.value(kinds.APPLE_ID_MASKED) == "a•••@example.com"
    assert seen.value(kinds.ACCOUNT_DEVICES) == [{"name": "Anna’s iPhone", "model": "iPhone17,1", "os_version": "26.1"}]
    assert seen.value(kinds.SIGNED_IN_AT) == "2026-11-21T14:05:00Z"
    assert seen.value(kinds.SESSION_EXPIRES) == "2027-01-20T14:05:00Z"
    assert seen.blinds == {}


FAULTS: list[tuple[Any, str]] = [
    (503, "server"),
    ({"status": 500, "body": "json"}, "server"),
    (410, "server"),
    (429, "rate-limited"),
    ("html", "garbage"),
    ("empty", "garbage"),
    ("cut-json", "garbage"),
    ("nonsense", "garbage"),
    ("truncated", "garbage"),
    ("portal", "portal"),
    ("login-page", "portal"),
    ("reset", "connection"),
    ("close", "connection"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=[str(fault) for fault, _ in FAULTS])
@pytest.mark.parametrize("place", ["validate", "all"])
async def test_trouble_is_told_apart_and_never_taken_for_a_lost_session(
    cloud: Cloud, fault: Any, reason: str, place: str
) -> None:
    """Outages, nonsense, captive portals and cut lines each have their name; none asks for a new sign-in."""
    cloud.account["faults"] = {place: fault}
    seen = await cloud.look()
    assert seen.reason == reason
    assert len(seen.facts) == 1, "a look that saw nothing must not look like one that saw something"
    assert "login" not in seen.blinds["icloud"].sentence
    cloud.account["faults"] = {}
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok", "the session must survive the trouble"
    assert cloud.actor.sign_ins == 0


async def test_apples_wish_to_wait_is_passed_on(cloud: Cloud) -> None:
    """When Apple says how long to wait, the look says so too."""
    cloud.account["faults"] = {"validate": {"status": 503, "retry_after": 1800}}
    assert (await cloud.look()).blinds["icloud"].retry_after == 1800
    cloud.later(seconds=1800)
    cloud.account["faults"] = {"storage": {"status": 429, "retry_after": 7200, "body": "json"}}
    seen = await cloud.look()
    assert seen.blinds["icloud:storage"].retry_after == 7200
    assert seen.asked == ["validate", "storage"], "nothing more is asked of a server that wants rest"


@pytest.mark.parametrize("endpoint", ["validate", "storage"])
async def test_apples_wish_to_wait_is_respected_however_often_somebody_checks(cloud: Cloud, endpoint: str) -> None:
    """Until the time is over nothing is asked, by a check or after a restart; a clock set back holds nothing up."""
    cloud.account["faults"] = {endpoint: {"status": 429, "retry_after": 7200, "body": "json"}}
    await cloud.look()
    cloud.account["faults"] = {}
    cloud.later(minutes=90)
    seen = await cloud.look()
    assert (seen.asked, seen.reason, seen.blinds["icloud"].retry_after) == ([], "rate-limited", 1800)
    assert (await cloud.look(apple_id="ben@example.com")).reason == "sign-in"
    cloud.later(minutes=30)
    assert (await cloud.look()).reason is None
    cloud.later(days=-1)
    assert (await cloud.look()).reason is None


@pytest.mark.parametrize("note", [b"", b"[]", b'{"since": 1}', b'{"until": "2999-01-01T00:00:00Z"}'])
async def test_a_damaged_note_of_a_wish_to_wait_holds_nothing_up(cloud: Cloud, note: bytes) -> None:
    """Apple is asked as if there were none."""
    (cloud.folder / "wait.json").write_bytes(note)
    assert (await cloud.look()).reason is None


@pytest.mark.parametrize("manner", ["hang", "drip"])
async def test_a_server_that_never_finishes_is_left_at_the_deadline(cloud: Cloud, manner: str) -> None:
    """A hanging or dripping server costs one deadline, not the watch."""
    cloud.account["faults"] = {"storage": manner}
    seen = await cloud.look(deadline=2)
    assert seen.reason == "timeout"
    cloud.account["faults"] = {}
    assert (await cloud.look()).reason is None


async def test_no_way_to_apple_is_a_network_problem(cloud: Cloud) -> None:
    """A computer without internet is not told to sign in."""
    seen = await cloud.look(base_url="http://127.0.0.1:9")
    assert seen.reason == "network"
    assert seen.value(kinds.ACCOUNT_STATE) is None


@pytest.mark.parametrize("fault", [421, 450, "none"])
async def test_a_dead_web_cookie_heals_without_a_password(cloud: Cloud, fault: Any) -> None:
    """When the short-lived cookie ends, the session renews itself by its token; nobody notices."""
    cloud.account |= {"state": "expired", "faults": {"validate": fault}}
    seen = await cloud.look()
    assert seen.value(kinds.ACCOUNT_STATE) == "ok"
    assert seen.asked[:2] == ["validate", "login"]
    cloud.account["faults"] = {}
    assert (await cloud.look()).asked[:2] == ["validate", "storage"]
    assert cloud.actor.sign_ins == 0


@pytest.mark.parametrize(
    ("state", "reason", "word", "hint"),
    [
        ("revoked", "sign-in", "sign-in-needed", "backupwatch login"),
        ("locked", "refused", "locked", "iforgot.apple.com"),
    ],
)
async def test_after_a_refusal_nothing_is_asked_until_the_person_acts(
    cloud: Cloud, state: str, reason: str, word: str, hint: str
) -> None:
    """A refused watcher stays silent towards Apple, through days and restarts, and keeps telling why."""
    cloud.account["state"] = state
    first = await cloud.look()
    assert (first.reason, first.value(kinds.ACCOUNT_STATE)) == (reason, word)
    assert hint in first.blinds["icloud"].sentence
    cloud.account["state"] = "ok"
    asked = len(cloud.actor.requests)
    for _ in range(12):
        cloud.later(days=1)
        seen = await cloud.look()
        assert (seen.reason, seen.value(kinds.ACCOUNT_STATE)) == (reason, word)
    assert (await cloud.look(looker=Looker())).reason == reason, "a new process asks nothing either"
    assert len(cloud.actor.requests) == asked
    assert cloud.actor.sign_ins == cloud.actor.prompts == 0


async def test_a_refusal_without_a_reason_counts_when_it_comes_twice(cloud: Cloud) -> None:
    """A bare 421 everywhere may be Apple's own trouble: the person is asked only when it repeats."""
    cloud.account["faults"] = {"setup": {"status": 421, "body": "empty"}}
    assert (await cloud.look()).reason == "server"
    cloud.account["faults"] = {}
    cloud.later(hours=1)
    assert (await cloud.look()).reason is None
    cloud.account["faults"] = {"setup": {"status": 421, "body": "empty"}}
    cloud.later(hours=6)
    assert (await cloud.look()).reason == "server", "one good look in between clears the doubt"
    cloud.later(minutes=20)
    assert (await cloud.look()).reason == "server", "two looks within one short trouble are one doubt"
    cloud.later(hours=6)
    assert (await cloud.look()).reason == "sign-in"


async def test_new_terms_are_told_and_the_quota_is_read_where_it_can_be(cloud: Cloud) -> None:
    """New terms are for the person to accept; the look accepts nothing and stops nothing."""
    cloud.account["state"] = "terms"
    seen = await cloud.look()
    assert seen.value(kinds.ACCOUNT_STATE) == "terms"
    assert seen.value(kinds.QUOTA) is not None
    assert {asked.path.rsplit("/", 1)[-1] for asked in cloud.actor.requests}.isdisjoint({"getTerms", "repairDone"})
    cloud.account["state"] = "ok"
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


async def test_terms_at_the_renewal_are_no_lost_session(cloud: Cloud) -> None:
    """Terms that stand in the way of a renewal are called terms."""
    cloud.account["state"] = "expired"
    await cloud.look()
    cloud.account |= {"state": "terms", "faults": {"validate": 421}}
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "terms"


async def test_web_access_off_is_a_state_and_not_an_error(cloud: Cloud) -> None:
    """With Advanced Data Protection the quota is not available, Find My still is, and nothing needs a sign-in."""
    cloud.account["state"] = "web-access-off"
    seen = await cloud.look()
    assert seen.value(kinds.ACCOUNT_STATE) == "web-access-off"
    assert seen.blinds["icloud:storage"].reason == "prohibited"
    assert seen.value(kinds.FIND_MY_STATUS, UDID) == "online"
    assert seen.reason is None


@pytest.mark.parametrize("fault", [503, 404, {"status": 403, "body": "json"}, 421, 450, "html", "cut-json"])
async def test_trouble_with_storage_spoils_nothing_else(cloud: Cloud, fault: Any) -> None:
    """When only storage fails, the account is fine and Find My is still read."""
    cloud.account["faults"] = {"storage": fault}
    seen = await cloud.look()
    assert seen.reason is None
    assert "icloud:storage" in seen.blinds
    assert seen.value(kinds.QUOTA) is None
    assert seen.value(kinds.FIND_MY_STATUS, UDID) == "online"


@pytest.mark.parametrize("fault", [503, 450, "html"])
async def test_trouble_with_find_my_spoils_nothing_else(cloud: Cloud, fault: Any) -> None:
    """When only Find My fails, or wants a new sign-in for itself, the account is fine."""
    cloud.account["faults"] = {"findmy": fault}
    seen = await cloud.look()
    assert seen.reason is None
    assert "icloud:find-my" in seen.blinds
    assert seen.value(kinds.ACCOUNT_STATE) == "ok"
    assert cloud.actor.sign_ins == 0


# -- Find My ---------------------------------------------------------------------------------------------------------


async def test_find_my_tells_battery_and_presence_but_never_a_place(cloud: Cloud) -> None:
    """Battery, charging and presence are read; no place is asked for, printed or kept."""
    seen = await cloud.look()
    assert seen.value(kinds.FIND_MY_BATTERY, UDID) == 42
    assert seen.value(kinds.FIND_MY_CHARGING, UDID) is True
    assert seen.value(kinds.FIND_MY_STATUS, UDID) == "online"
    assert seen.value(kinds.FIND_MY_SEEN, UDID) == "2026-11-22T14:04:00Z"
    assert cloud.actor.located == 0
    assert cloud.actor.count("findmy") == 1
    kept = "".join(file.read_text() for file in cloud.folder.iterdir()) + "".join(cloud.printed)
    assert "48.13" not in kept
    assert "latitude" not in kept


@pytest.mark.parametrize(
    ("devices", "phones"),
    [
        ([DEVICE, DEVICE], [PHONE]),
        ([DEVICE], [PHONE, PHONE | {"udid": "other"}]),
        ([DEVICE | {"model": "iPhone12,1"}], [PHONE]),
        ([DEVICE | {"name": "Ben's iPhone"}], [PHONE]),
        ([DEVICE | {"family": True}], [PHONE]),
        ([DEVICE], [PHONE | {"name": ""}]),
        ([], [PHONE]),
    ],
)
async def test_a_phone_that_cannot_be_told_apart_is_not_guessed(
    cloud: Cloud, devices: list[Any], phones: list[dict[str, str]]
) -> None:
    """Two phones of one name, or another model or owner: nothing is said about either."""
    cloud.account["devices"] = devices
    cloud.phones = phones
    seen = await cloud.look()
    assert not [fact for fact in seen.facts if fact.subject.kind == "phone"]
    assert seen.blinds == {}


# -- what changes over time ------------------------------------------------------------------------------------------


async def test_a_changed_backup_share_is_kept_as_a_hint(cloud: Cloud) -> None:
    """The day on which the space taken by backups last changed is remembered; a deleted backup is no backup."""
    assert (await cloud.look()).value(kinds.BACKUP_SHARE_CHANGED) is None
    cloud.later(days=1)
    cloud.account["backup"] = 1_300_000_000
    assert (await cloud.look()).value(kinds.BACKUP_SHARE_CHANGED) == "2026-11-23T14:05:00Z"
    cloud.later(days=1)
    assert (await cloud.look()).value(kinds.BACKUP_SHARE_CHANGED) == "2026-11-23T14:05:00Z"
    cloud.account["backup"] = 0
    assert (await cloud.look()).value(kinds.BACKUP_SHARE_CHANGED) == "2026-11-23T14:05:00Z"


async def test_a_session_ends_when_its_time_is_over(cloud: Cloud) -> None:
    """Two months after the sign-in the account wants a new one, and until then no look costs a sign-in."""
    for _ in range(58):
        cloud.later(days=1)
        assert (await cloud.look(find_my=False)).reason is None
    cloud.later(days=3)
    assert (await cloud.look()).reason == "sign-in"
    assert cloud.actor.sign_ins == 0


async def test_a_wrong_clock_loses_no_session(cloud: Cloud) -> None:
    """A computer whose clock jumped a year ahead and back is still signed in."""
    real, cloud.now = cloud.now, cloud.now.replace(year=2028)
    cloud.account["faults"] = {"all": 503}
    await cloud.look()
    cloud.now, cloud.account["faults"] = real, {}
    assert (await cloud.look()).asked[:2] == ["validate", "storage"]


async def test_a_clock_that_is_years_behind_or_ahead_sends_the_cookies_all_the_same(cloud: Cloud) -> None:
    """Whether the session is over is Apple's to say, not this computer's clock."""
    for year in (2020, 2035):
        cloud.now = NOW.replace(year=year)
        cloud.actor.signed_in(cloud.state)
        cloud.account["state"] = "expired"
        assert (await cloud.look()).asked[:2] == ["validate", "login"]
        cloud.account["state"] = "ok"
        seen = await cloud.look()
        assert seen.asked[:2] == ["validate", "storage"]
        assert seen.value(kinds.SESSION_EXPIRES) == f"{year + 1}-01-20T14:05:00Z"


async def test_a_look_waits_while_somebody_signs_in(cloud: Cloud) -> None:
    """A look and a sign-in never have the session's files at the same time."""
    with icloud_files.locked(cloud.state, 1):
        looking = asyncio.create_task(cloud.look())
        done, _ = await asyncio.wait([looking], timeout=0.4)
        assert not done
        assert cloud.actor.requests == []
    assert (await looking).reason is None


@pytest.mark.parametrize(("password", "outcomes"), [(None, ["held", "held"]), ("PLANTED", ["sent", "held"])])
async def test_no_second_proof_of_a_password_leaves(tmp_path: Path, password: str | None, outcomes: list[str]) -> None:
    """The client of a look lets no proof of a password out, a sign-in's exactly one, whatever the library wants."""
    bodies = {"appleauth/auth/signin/complete": {"m1": "x"}, "setup/ws/1/accountLogin": {"password": "x"}}
    for path, body in bodies.items():
        client = Client(ANNA, tmp_path, now=NOW, base_url="http://127.0.0.1:9", password=password)
        seen: list[str] = []
        for _ in outcomes:
            with pytest.raises(Trouble) as trouble:
                client.session.post(f"http://127.0.0.1:9/{path}", json=body)
            seen.append("sent" if trouble.value.reason == "network" else "held")
        assert seen == outcomes


# -- files -----------------------------------------------------------------------------------------------------------


async def test_session_files_are_private_and_hold_no_password(cloud: Cloud) -> None:
    """Whatever mode somebody gave them, the files of the account are for their owner alone."""
    for file in cloud.folder.iterdir():
        file.chmod(0o644)
    cloud.folder.chmod(0o755)
    await cloud.look()
    assert stat.S_IMODE(cloud.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in cloud.folder.iterdir()} == {0o600}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"session_token": ""}', b"[" * 50_000])
async def test_a_damaged_session_is_said_and_costs_no_request(cloud: Cloud, content: bytes) -> None:
    """A half-written session file leads to one clear line, not to a crash or a knock at Apple's door."""
    (cloud.folder / "annaexamplecom.session").write_bytes(content)
    seen = await cloud.look()
    assert (seen.reason, seen.asked) == ("sign-in", [])
    assert "damaged" in seen.blinds["icloud"].sentence


@pytest.mark.parametrize("content", [b"", b"garbage", b"#LWP-Cookies-2.0\nSet-Cookie3: half", b"\xff\xfe"])
async def test_damaged_cookies_heal(cloud: Cloud, content: bytes) -> None:
    """Cookies that were cut short are replaced by the session's token."""
    (cloud.folder / "annaexamplecom.cookiejar").write_bytes(content)
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


async def test_a_full_disk_keeps_the_old_session(cloud: Cloud) -> None:
    """When nothing can be written, the look still works, says so, and the old session files stand."""
    await cloud.look()
    before = {file.name: file.read_bytes() for file in cloud.folder.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        seen = await cloud.look(looker=Looker())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert seen.value(kinds.QUOTA) is not None
    assert "full or read-only" in seen.blinds["icloud:session"].sentence
    assert {file.name: file.read_bytes() for file in cloud.folder.iterdir()} == before
    assert (await cloud.look()).reason is None


async def test_a_swap_that_was_killed_halfway_is_undone(cloud: Cloud) -> None:
    """A computer that died between two renames of a sign-in finds its old session again."""
    cloud.folder.rename(cloud.state / "account.old-abc")
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"


async def test_a_swap_that_was_killed_at_its_end_leaves_no_old_session(cloud: Cloud) -> None:
    """The session that a killed sign-in replaced does not stay on the disk."""
    shutil.copytree(cloud.folder, cloud.state / "account.old-abc")
    assert (await cloud.look()).value(kinds.ACCOUNT_STATE) == "ok"
    assert not (cloud.state / "account.old-abc").exists()


async def test_no_account_no_session_or_another_account_is_said(cloud: Cloud) -> None:
    """Without an account nothing is asked; without a session, or with somebody else's, the command to run is named."""
    assert (await cloud.look(apple_id="")).reason == "not-configured"
    other = await cloud.look(apple_id="ben@example.com")
    assert (other.reason, other.value(kinds.ACCOUNT_STATE)) == ("sign-in", "sign-in-needed")
    unknown = [fact.kind for fact in other.facts if isinstance(fact, Observation) and fact.value is None]
    assert {kinds.QUOTA, kinds.SESSION_EXPIRES} <= set(unknown), "nobody else's storage passes for theirs"
    for file in cloud.folder.iterdir():
        file.unlink()
    seen = await cloud.look()
    assert seen.reason == "sign-in"
    assert "backupwatch login" in seen.blinds["icloud"].sentence
    assert cloud.actor.requests == []


async def test_nothing_secret_or_foreign_leaves_a_look(cloud: Cloud, tmp_path: Path) -> None:
    """No token, name, serial or raw error text of Apple's is in what a look prints."""
    for faults in ({}, {"validate": 503}, {"storage": {"status": 500, "body": "json"}}, {"findmy": "denied"}):
        cloud.account["faults"] = faults
        await cloud.look()
    cloud.account |= {"faults": {}, "state": "revoked"}
    await cloud.look()
    printed = "\n".join(cloud.printed)
    assert "PLANTED" not in printed
    assert not [secret for secret in cloud.actor.secrets if secret in printed]
    assert NOW.isoformat() in printed


async def test_no_other_process_sees_a_secret(cloud: Cloud) -> None:
    """While a look is under way, no command line or environment on this computer shows a token or the account."""
    cloud.account["faults"] = {"storage": "hang"}
    looking = asyncio.create_task(cloud.look(looker=Looker(), deadline=8))
    shown = await asyncio.to_thread(_processes, cloud)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert "backupwatch.sources.worker" in shown
    assert "PLANTED" not in shown
    assert ANNA not in shown


def _processes(cloud: Cloud) -> str:
    """Every command line, and the workers' environments, once the look hangs in the middle."""
    while not cloud.actor.count("storage"):
        time.sleep(0.02)
    shown = ""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            shown += (process / "cmdline").read_text(errors="replace")
            if "backupwatch.sources.worker" in shown:
                shown += (process / "environ").read_text(errors="replace")
    return shown
