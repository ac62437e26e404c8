"""The account: quota, health of the session and what Find My knows, read with a saved session and never a password.

Arguments of a request: ``apple_id`` (empty: nothing is asked), ``china_mainland`` (bool), ``base_url`` (empty:
Apple's own), ``phones`` (list of ``udid``, ``name``, ``model``: the paired phones), ``find_my`` (bool, default true).

Blinds about the account are called ``icloud`` where the whole look failed, and ``icloud:storage``,
``icloud:devices``, ``icloud:find-my``, ``icloud:session`` where a part did. After a refusal the look writes a note
and asks nothing more until ``backupwatch login`` takes it away (:data:`backupwatch.sources.icloud_files.STOPPED`).
"""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pyicloud.exceptions import (  # type: ignore[import-untyped]
    PyiCloudAcceptTermsException,
    PyiCloudAccountLockedException,
    PyiCloudException,
    PyiCloudNoDevicesException,
)

from backupwatch.clock import parse_rfc3339, rfc3339
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import ACCOUNT, Blind, BlindReason, Fact, Json, Observation, Subject, phone
from backupwatch.paths import account_dir, private_dir
from backupwatch.sources import icloud_facts, icloud_files
from backupwatch.sources.icloud_backoff import LOOK
from backupwatch.sources.icloud_client import Client, Session
from backupwatch.sources.icloud_trouble import Trouble, service_errors, table
from backupwatch.sources.look import Request
from backupwatch.text import masked_account

LOCK_PATIENCE: Final = 20.0
"""Seconds to wait for another look or a sign-in to finish."""
LONGEST_REST: Final = timedelta(days=1)
"""However much longer Apple asks for, a look that a person wants is made after this."""
DOUBT_SETTLES: Final = timedelta(minutes=40)
"""Nor do two looks within the same short trouble of Apple's; the first pause after a failure is a little longer."""
DOUBT_LASTS: Final = timedelta(days=3)
"""Two refusals without a reason count as one answer only if they are this close together."""
ENDS_THE_LOOK: Final = frozenset({
    BlindReason.RATE_LIMITED, BlindReason.NETWORK, BlindReason.TIMEOUT, BlindReason.PORTAL, BlindReason.CONNECTION,
})  # fmt: skip
"""After these the remaining questions would only meet the same, or annoy."""
REFUSALS: Final = frozenset({401, 403, 409, 421, 450})
"""HTTP statuses with which Apple refuses a session; 421 and 450 are its own use of them."""
FIND_MY_FIELDS: Final = ["rawDeviceModel", "batteryStatus", "lowPowerMode", "location", "fmlyShare"]

NOT_THEIRS: Final[Mapping[str, Json]] = dict.fromkeys(
    (kinds.QUOTA, kinds.ACCOUNT_DEVICES, kinds.BACKUP_SHARE_CHANGED, kinds.SESSION_EXPIRES, kinds.SIGNED_IN_AT)
)
"""What was seen of the account before; it must not pass for that of the one now configured."""
REST_SENTENCE: Final = "Apple asked us to come back later"
ODD_SENTENCE: Final = "Apple's answer is not what it should be"
SIGN_IN_SENTENCE: Final = "Apple wants a new sign-in; run: backupwatch login"
NO_SESSION_SENTENCE: Final = "Nobody has signed in on this computer yet; run: backupwatch login"
OTHER_ACCOUNT_SENTENCE: Final = "The saved sign-in belongs to another account; run: backupwatch login"
DAMAGED_SENTENCE: Final = "The saved sign-in is damaged; run: backupwatch login"
LOCKED_SENTENCE: Final = (
    "Apple has locked this account for security; unlock it at https://iforgot.apple.com and run: backupwatch login"
)
TERMS_SENTENCE: Final = "Apple has new iCloud terms; accept them on the iPhone or at https://www.icloud.com"
WEB_ACCESS_SENTENCE: Final = (
    "Web access to iCloud data is off (Advanced Data Protection); the quota can be read on the iPhone"
)


async def look(request: Request) -> AsyncIterator[Fact]:
    """Look at the account once; see the module for the arguments."""
    if not str(request.args.get("apple_id") or ""):
        yield Blind(ACCOUNT, LOOK, BlindReason.NOT_CONFIGURED, "No account is configured", request.now)
        return
    visit = Visit(request)
    try:
        with icloud_files.locked(request.state, LOCK_PATIENCE):
            for step in (visit.arrive, visit.storage, visit.devices, visit.find_my, visit.leave):
                for fact in await asyncio.to_thread(step):
                    yield fact
    except TimeoutError:
        yield visit.blind(LOOK, BlindReason.TIMEOUT, "The account is being looked at, or signed in to, elsewhere")


class Visit:
    """One look, step by step; each step returns its facts."""

    def __init__(self, request: Request) -> None:
        self._now = request.now
        self._state = request.state
        self._folder = account_dir(request.state)
        self._apple_id = str(request.args["apple_id"])
        self._base_url = str(request.args.get("base_url") or "")
        self._china = bool(request.args.get("china_mainland"))
        self._wants_find_my = bool(request.args.get("find_my", True))
        phones = request.args.get("phones")
        self._phones: Sequence[Mapping[str, Any]] = [row for row in phones or () if isinstance(row, Mapping)]
        self._client: Client | None = None  # set while there is a session that can be read with
        self._session: Session | None = None
        self._account_state: str | None = None  # what is known once the session was accepted
        # Told only together with an answer: a look that saw nothing must not count as one that saw something.
        self._about: dict[str, Json] = {kinds.APPLE_ID_MASKED: masked_account(self._apple_id)}

    # -- words ---------------------------------------------------------------------------------------------------

    def blind(self, look_name: str, reason: BlindReason, sentence: str, retry_after: float | None = None) -> Blind:
        """The account could not be seen."""
        return Blind(ACCOUNT, look_name, reason, sentence, self._now, retry_after)

    def _seen(self, kind: str, value: Json, subject: Subject = ACCOUNT) -> Observation:
        return Observation(subject, kind, value, self._now, LOOK)

    def _seen_all(self, values: Mapping[str, Json], subject: Subject = ACCOUNT) -> list[Fact]:
        return [self._seen(kind, value, subject) for kind, value in values.items()]

    # -- arriving ------------------------------------------------------------------------------------------------

    def arrive(self) -> list[Fact]:
        """Wake the saved session; everything else needs it."""
        icloud_files.recover(self._state)
        owner = icloud_files.read_note(self._folder / icloud_files.SIGNED_IN).get("apple_id", self._apple_id)
        if owner != self._apple_id:
            return [*self._seen_all(NOT_THEIRS), *self._wants_sign_in(OTHER_ACCOUNT_SENTENCE)]
        signed_in_at = icloud_files.signed_in_at(self._state)
        if signed_in_at is not None:
            self._about[kinds.SIGNED_IN_AT] = rfc3339(signed_in_at)
        if facts := self._stopped() or self._resting():
            return facts
        session = icloud_files.session_file(self._folder, self._apple_id)
        if not session.exists():
            return self._wants_sign_in(NO_SESSION_SENTENCE)
        if not icloud_files.read_note(session).get("session_token"):
            return self._wants_sign_in(DAMAGED_SENTENCE)
        return self._authenticate()

    def _authenticate(self) -> list[Fact]:
        """One ``validate``, and one renewal by token where that is refused. There is no password to send."""
        self._make_private()
        client = Client(
            self._apple_id, self._folder, now=self._now, base_url=self._base_url, china_mainland=self._china
        )
        try:
            client.authenticate()
        except Trouble as trouble:
            return self._troubled(LOOK, trouble)
        except PyiCloudAccountLockedException:
            return self._stop(BlindReason.REFUSED, "locked", LOCKED_SENTENCE)
        except PyiCloudAcceptTermsException:
            client.read_on()
        except PyiCloudException:
            return self._refused(client)
        except (ValueError, TypeError, KeyError, AttributeError):
            return [self.blind(LOOK, BlindReason.GARBAGE, ODD_SENTENCE)]
        with contextlib.suppress(OSError):
            (self._folder / icloud_files.DOUBT).unlink(missing_ok=True)
        return self._welcome(client)

    def _make_private(self) -> None:
        """Close the folder and its files to everybody else, whoever wrote them."""
        with contextlib.suppress(OSError, BackupwatchError):
            private_dir(self._folder)
            for file in self._folder.iterdir():
                if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
                    file.chmod(0o600)

    def _welcome(self, client: Client) -> list[Fact]:
        info = icloud_facts.table(client.data.get("dsInfo"))
        if info.get("locked") is True:
            return self._stop(BlindReason.REFUSED, "locked", LOCKED_SENTENCE)
        if not isinstance(client.data.get("webservices"), Mapping):
            return [self.blind(LOOK, BlindReason.GARBAGE, ODD_SENTENCE)]
        self._client, self._session = client, client.session
        self._account_state = "terms" if client.data.get("termsUpdateNeeded") is True else "ok"
        return self._seen_all(self._about | icloud_facts.account_values(client.data))

    def _refused(self, client: Client) -> list[Fact]:
        """Neither the web cookie nor the token was accepted.

        An answer that says so ends it at once. A bare status, or an error without one, may be Apple's trouble as
        well: such a refusal counts when it comes twice. Asking again costs nothing: no password is involved.
        """
        answer = client.session.login
        said = table(answer) if answer is not None else {}
        clear = answer is None or (bool(said) if answer.status_code in REFUSALS else "dsInfo" in said)
        doubt = self._folder / icloud_files.DOUBT
        since = self._doubted_since(icloud_files.read_note(doubt))
        if not clear and (since is None or self._now - since < DOUBT_SETTLES):
            if since is None:
                icloud_files.write_note(doubt, {"since": rfc3339(self._now)})
            sentence = "Apple did not accept the saved sign-in and gave no reason; it is asked once more"
            return [self.blind(LOOK, BlindReason.SERVER, sentence)]
        return self._stop(BlindReason.SIGN_IN, "sign-in-needed", SIGN_IN_SENTENCE)

    def _doubted_since(self, note: Mapping[str, Any]) -> datetime | None:
        try:
            since = parse_rfc3339(str(note.get("since")))
        except ValueError:
            return None
        return since if timedelta(0) <= self._now - since <= DOUBT_LASTS else None

    # -- not asking again ----------------------------------------------------------------------------------------

    def _wants_sign_in(self, sentence: str) -> list[Fact]:
        return self._answered("sign-in-needed", BlindReason.SIGN_IN, sentence)

    def _answered(self, state: str, reason: BlindReason, sentence: str) -> list[Fact]:
        return [*self._seen_all(self._about | {kinds.ACCOUNT_STATE: state}), self.blind(LOOK, reason, sentence)]

    def _stop(self, reason: BlindReason, state: str, sentence: str) -> list[Fact]:
        """Say so, and leave the note that keeps every later look from asking."""
        note = {"apple_id": self._apple_id, "since": rfc3339(self._now), "reason": reason.value}
        icloud_files.write_note(self._folder / icloud_files.STOPPED, note | {"state": state, "sentence": sentence})
        return self._answered(state, reason, sentence)

    def _stopped(self) -> list[Fact]:
        note = icloud_files.read_note(self._folder / icloud_files.STOPPED)
        if not note or note.get("apple_id") != self._apple_id:
            return []
        if note.get("state") == "locked":
            return self._answered("locked", BlindReason.REFUSED, LOCKED_SENTENCE)
        return self._wants_sign_in(SIGN_IN_SENTENCE)

    def _rest(self, seconds: float, reason: BlindReason) -> None:
        """Leave the note that keeps checks and restarts from asking while Apple wants rest."""
        until = self._now + min(timedelta(seconds=seconds), LONGEST_REST)
        note = {"apple_id": self._apple_id, "since": rfc3339(self._now), "until": rfc3339(until)}
        icloud_files.write_note(self._folder / icloud_files.WAIT, note | {"reason": reason.value})

    def _resting(self) -> list[Fact]:
        note = icloud_files.read_note(self._folder / icloud_files.WAIT)
        try:
            since, until = parse_rfc3339(str(note.get("since"))), parse_rfc3339(str(note.get("until")))
            reason = BlindReason(str(note.get("reason")))
        except ValueError:
            return []
        # A wish from the future was noted by another clock.
        if note.get("apple_id") != self._apple_id or not since <= self._now < min(until, since + LONGEST_REST):
            return []
        return [self.blind(LOOK, reason, REST_SENTENCE, (until - self._now).total_seconds())]

    # -- reading -------------------------------------------------------------------------------------------------

    def storage(self) -> list[Fact]:
        """The quota; its answer also says whether web access is on."""
        return self._part("storage", self._storage)

    def _storage(self, client: Client) -> list[Fact]:
        storage = client.account.storage
        media = {key: share.usage_data.get("usageInBytes") for key, share in storage.usages_by_media.items()}
        values = icloud_facts.quota_values(storage.usage.usage_data, storage.usage.quota_data, media)
        quota = icloud_facts.table(values[kinds.QUOTA])
        note_file = self._folder / icloud_files.SHARE
        share = quota.get("backup_bytes")
        old = icloud_files.read_note(note_file)
        note, changed = icloud_facts.share_changed(old, share if isinstance(share, int) else None, self._now)
        if note != old:
            icloud_files.write_note(note_file, dict(note))
        facts = self._seen_all(values)
        if changed is not None:
            facts.append(self._seen(kinds.BACKUP_SHARE_CHANGED, changed))
        return facts

    def devices(self) -> list[Fact]:
        """The devices that are signed in to the account."""
        return self._part("devices", self._devices)

    def _devices(self, client: Client) -> list[Fact]:
        rows: list[Json] = list(icloud_facts.device_rows(client.account.devices))
        return [self._seen(kinds.ACCOUNT_DEVICES, rows)]

    def find_my(self) -> list[Fact]:
        """What Find My knows of the paired phones; asking makes no phone report where it is."""
        return self._part("find-my", self._find_my) if self._wants_find_my and self._phones else []

    def _find_my(self, client: Client) -> list[Fact]:
        try:
            devices = client.devices.devices.values()
        except PyiCloudNoDevicesException:
            return []
        rows = [device.status(FIND_MY_FIELDS) for device in devices]
        own = [row for row in rows if row.get("fmlyShare") is not True]
        facts: list[Fact] = []
        for udid, row in icloud_facts.match(self._phones, own).items():
            facts += self._seen_all(icloud_facts.find_my_values(row), phone(udid))
        return facts

    def leave(self) -> list[Fact]:
        """The account's state, how long the session will last, and whether it could be kept."""
        session, self._session, self._client = self._session, None, None
        if session is None:
            return []
        facts: list[Fact] = []
        if self._account_state is not None:
            facts.append(self._seen(kinds.ACCOUNT_STATE, self._account_state))
        end = session.jar.session_end()
        if end is not None:
            facts.append(self._seen(kinds.SESSION_EXPIRES, rfc3339(end)))
        if session.unsaved is not None:
            sentence = "The account's session cannot be saved: the state folder is full or read-only"
            facts.append(self.blind(f"{LOOK}:session", BlindReason.PERMISSION, sentence))
        return facts

    def _part(self, name: str, read: Callable[[Client], list[Fact]]) -> list[Fact]:
        """Read one part; what goes wrong with it does not spoil the others."""
        if self._client is None:
            return []
        look_name = f"{LOOK}:{name}"
        try:
            return read(self._client)
        except Trouble as trouble:
            if trouble.reason in ENDS_THE_LOOK:
                self._client = None
            return self._troubled(look_name, trouble)
        except PyiCloudAccountLockedException:
            self._client = self._account_state = None
            return self._stop(BlindReason.REFUSED, "locked", LOCKED_SENTENCE)
        except PyiCloudException as error:
            return self._part_refused(look_name, error)
        except (ValueError, TypeError, KeyError, AttributeError):
            return [self.blind(look_name, BlindReason.GARBAGE, ODD_SENTENCE)]

    def _part_refused(self, look_name: str, error: Exception) -> list[Fact]:
        last = self._client.session.last if self._client is not None else None
        status = last.status_code if last is not None else None
        denied = status in (403, 423) or getattr(error, "code", None) == "ACCESS_DENIED"
        if denied and not service_errors(last):
            if look_name == f"{LOOK}:storage" and self._account_state == "ok":
                self._account_state = "web-access-off"
            return [self.blind(look_name, BlindReason.PROHIBITED, WEB_ACCESS_SENTENCE)]
        if self._account_state == "terms":
            return [self.blind(look_name, BlindReason.PROHIBITED, TERMS_SENTENCE)]
        if status in (421, 450):
            return [self.blind(look_name, BlindReason.SERVER, "This part of iCloud did not accept the session")]
        return [self.blind(look_name, BlindReason.UNSUPPORTED, "This account does not offer this part of iCloud")]

    def _troubled(self, look_name: str, trouble: Trouble) -> list[Fact]:
        sentence = trouble.sentence
        if trouble.china is not None:
            word = str(trouble.china).lower()
            sentence += f"; run: backupwatch config set account.china_mainland {word}"
        if trouble.retry_after:
            self._rest(trouble.retry_after, trouble.reason)
        return [self.blind(look_name, trouble.reason, sentence, trouble.retry_after)]
