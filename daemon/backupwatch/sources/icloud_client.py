"""pyicloud, held on a short leash.

* Every request has a timeout, follows no redirect, and its answer is judged before the library sees it.
* The password can leave this computer at most as often as :class:`Client` is told; a look is told "never".
* The session is kept in our folder, written whole or not at all, mode 0600; a wrong clock throws no cookie away.
* Another base address (``advanced.icloud``) may be plain http, and nothing but that address.
"""

from __future__ import annotations

import copy
import json
import logging
from datetime import UTC, datetime
from http.cookiejar import Cookie, LWPCookieJar
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from pyicloud import PyiCloudService, base  # type: ignore[import-untyped]
from pyicloud.cookie_jar import PyiCloudCookieJar  # type: ignore[import-untyped]
from pyicloud.session import (  # type: ignore[import-untyped]
    NON_PERSISTED_SESSION_KEYS,
    PyiCloudSession,
)
from requests.adapters import HTTPAdapter
from srp import _pysrp

from backupwatch.facts.observation import BlindReason
from backupwatch.sources import icloud_trouble
from backupwatch.sources.icloud_files import read_note, write_private
from backupwatch.sources.icloud_trouble import Trouble

CONNECT_TIMEOUT: Final = 10.0
"""Seconds until a connection must stand."""
READ_TIMEOUT: Final = 20.0
"""Seconds of silence that end a request; the look as a whole has its own deadline in the parent process."""
EXPIRING: Final = ("X-APPLE-WEBAUTH-TOKEN", "X-APPLE-WEBAUTH-HSA-TRUST")
"""The cookies whose end is the end of the session: the web token and the two-factor trust."""

# The quick half of srp drops a zero at the head of the salt: of 256 accounts one would be told that its password is
# wrong, each time. The other half, in plain Python, does not.
base.srp = _pysrp

# The library logs URLs, names and codes; nothing of that may reach anybody's log.
logging.getLogger("pyicloud").setLevel(logging.CRITICAL + 1)


class Cookies(PyiCloudCookieJar):  # type: ignore[misc]
    """Cookies that do not expire by this computer's clock, which may be wrong: the server says what is over.

    When each would end is kept beside them, for the file and for the warning a week ahead.
    """

    def __init__(self, filename: str, now: datetime) -> None:
        self.ends: dict[tuple[str, str, str], int] = {}
        self._given_now = int(now.timestamp())
        super().__init__(filename)

    @property
    def _now(self) -> int:
        """The look's own moment; the standard library would set the wall clock's here."""
        return self._given_now

    @_now.setter
    def _now(self, value: int) -> None:
        pass

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> None:
        """Keep a cookie, and its end beside it."""
        if cookie.expires is not None:
            self.ends[cookie.domain, cookie.path, cookie.name] = int(cookie.expires)
            cookie.expires = None
        super().set_cookie(cookie, *args, **kwargs)

    def text(self) -> str:
        """The jar as its file, with the real ends."""
        plain = LWPCookieJar()
        for cookie in self:
            twin = copy.copy(cookie)
            twin.expires = self.ends.get((cookie.domain, cookie.path, cookie.name))
            plain.set_cookie(twin)
        return "#LWP-Cookies-2.0\n" + plain.as_lwp_str(ignore_discard=True, ignore_expires=True)

    def session_end(self) -> datetime | None:
        """When the session likely ends, or None where the cookies do not say."""
        names = {cookie.name: (cookie.domain, cookie.path, cookie.name) for cookie in self}
        ends = [self.ends[names[name]] for name in EXPIRING if name in names and names[name] in self.ends]
        try:
            return datetime.fromtimestamp(min(ends), UTC) if ends else None
        except (OverflowError, OSError, ValueError):
            return None


class Session(PyiCloudSession):  # type: ignore[misc]
    """The library's HTTP session with our rules."""

    def __init__(self, service: Client, *, headers: dict[str, str], folder: Path, now: datetime, proofs: int) -> None:
        """Load what is saved.

        :param proofs: how many requests that carry the proof of a password may still leave.
        """
        self.now = now
        self.proofs_left = proofs
        self.unsaved: OSError | None = None
        self.last: requests.Response | None = None
        self.login: requests.Response | None = None
        self.challenged = False
        super().__init__(service, "", str(folder), verify=True, headers=headers)
        self.mount("https://", HTTPAdapter())
        self.mount("http://", HTTPAdapter())

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request and judge its answer.

        :raises Trouble: there is no answer that the library could make sense of.
        """
        self._guard(request)
        kwargs |= {"allow_redirects": False, "timeout": (CONNECT_TIMEOUT, READ_TIMEOUT)}
        self.last = None
        try:
            response: requests.Response = super().send(request, **kwargs)
        except requests.RequestException as error:
            raise icloud_trouble.of_exception(error) from None
        self.last = response
        path = urlsplit(request.url or "").path
        if path.endswith("/accountLogin"):
            self.login = response
        if path.endswith("/signin/complete"):
            self.challenged = response.status_code == 409
        trouble = icloud_trouble.of_response(response, self.now)
        if trouble is not None:
            raise trouble
        return response

    def _guard(self, request: requests.PreparedRequest) -> None:
        """Let no more proofs of a password out than were allowed, whatever the library has in mind."""
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        path = urlsplit(request.url or "").path
        if path.endswith("/signin/complete") or (path.endswith("/accountLogin") and b'"password"' in body):
            if self.proofs_left <= 0:
                raise Trouble(BlindReason.SIGN_IN, "A second sign-in was held back: one per request of yours")
            self.proofs_left -= 1

    def _load_session_data(self) -> None:
        self.cookies = self.jar = Cookies(self.cookiejar_path, self.now)
        try:
            self.jar.load(ignore_expires=True)
        except (OSError, ValueError):
            self.jar.clear()
        self._data = read_note(Path(self.session_path))

    def _save_session_data(self) -> None:
        data = {key: value for key, value in self._data.items() if key not in NON_PERSISTED_SESSION_KEYS}
        try:
            write_private(Path(self.session_path), json.dumps(data))
            write_private(Path(self.cookiejar_path), self.jar.text())
        except OSError as error:
            self.unsaved = error  # the old session stands, and goes on working


class Client(PyiCloudService):  # type: ignore[misc]
    """One account, one look or one sign-in."""

    def __init__(
        self,
        apple_id: str,
        folder: Path,
        *,
        now: datetime,
        base_url: str = "",
        china_mainland: bool = False,
        password: str | None = None,
    ) -> None:
        """Load the saved session; nothing is sent.

        :param folder: the account's folder; made by the caller with mode 0700.
        :param now: aware UTC; the moment that counts for expiry and Retry-After.
        :param base_url: empty: Apple's own addresses.
        :param password: absent for every look; with one, exactly one proof of it may leave.
        """
        super().__init__(
            apple_id,
            password=None,
            cookie_directory=str(folder),
            china_mainland=china_mainland,
            with_family=False,
            refresh_interval=None,
            locate=False,
            accept_terms=False,
            authenticate=False,
        )
        self._password_raw = password
        self._base_url = base_url.rstrip("/")
        if self._base_url:
            self._idmsa_endpoint = self._base_url
            self._auth_endpoint = f"{self._base_url}/appleauth/auth"
            self._home_endpoint = self._base_url
            self._setup_endpoint = f"{self._base_url}/setup/ws/1"
        headers = {name: str(value) for name, value in self._session.headers.items()}
        headers |= {"Origin": self._home_endpoint, "Referer": f"{self._home_endpoint}/"}
        self._session: Session = Session(self, headers=headers, folder=folder, now=now, proofs=int(bool(password)))
        self._session.data.setdefault("client_id", self.params["clientId"])
        self._client_id: str = str(self._session.data["client_id"])
        self.params["clientId"] = self._client_id

    def _setup_cookie_directory(self, cookie_directory: str | None = None) -> str:
        # The library's own session, replaced below, must find nothing: it stumbles over a damaged file.
        return str(Path(cookie_directory or "") / "nothing-here")

    @property
    def session(self) -> Session:
        """The HTTP session."""
        return self._session

    def get_webservice_url(self, ws_key: str) -> str:
        """The address of a service; our own base address may be plain http, every other must be https."""
        entry = (self._webservices or {}).get(ws_key)
        url = entry.get("url") if isinstance(entry, dict) else None
        if self._base_url and isinstance(url, str) and (url == self._base_url or url.startswith(f"{self._base_url}/")):
            return url
        return str(super().get_webservice_url(ws_key))

    def read_on(self) -> None:
        """Use what the last answer said about services although the sign-in was left unfinished (new terms)."""
        self._update_state()

    def forget_password(self) -> None:
        """Drop the password, so that nothing can send it again."""
        self._password_raw = None

    # -- two-factor ----------------------------------------------------------------------------------------------

    def send_sms(self) -> bool:
        """Ask for a code by text message."""
        return bool(self._request_sms_2fa_code())

    @property
    def bridged(self) -> bool:
        """Whether the code on the person's devices belongs to a push channel that one wrong code closes."""
        return self._trusted_device_bridge_state is not None

    @property
    def waits_for_second_factor(self) -> bool:
        """Whether the password was accepted and a code or key is wanted."""
        return bool(self._requires_mfa) and self.session.challenged

    def _supports_trusted_device_bridge(self) -> bool:
        # The bridge talks to a push server whose address is wired in: only where everything else is Apple's too.
        return not self._base_url and bool(super()._supports_trusted_device_bridge())
