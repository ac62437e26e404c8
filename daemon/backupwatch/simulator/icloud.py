"""The actor that plays Apple's iCloud: sign-in, two-factor, sessions, storage, devices and Find My over real HTTP.

Endpoints below one base address, as ``advanced.icloud`` wants them: ``/appleauth/auth/…``, ``/setup/ws/1/…``,
``/setup/web/…`` and ``/fmipservice/…``. What the account is like at a moment comes from the scenario (see
:mod:`backupwatch.simulator.icloud_account`); sessions live in the actor and die as the scenario says.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.cookiejar import LWPCookieJar
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from requests.cookies import create_cookie

from backupwatch.clock import Clock, rfc3339, utc_now
from backupwatch.simulator import icloud_account as account
from backupwatch.simulator.icloud_http import Asked, HttpServer, Reply, faulty, json_reply
from backupwatch.simulator.icloud_srp import Handshake

AUTH: Final = "/appleauth/auth"
SETUP: Final = "/setup/ws/1"
FIND_MY: Final = "/fmipservice/client/web"
ENDPOINTS: Final[Mapping[tuple[str, str], str]] = {
    ("GET", f"{AUTH}/authorize/signin"): "authorize",
    ("POST", f"{AUTH}/signin/init"): "init",
    ("POST", f"{AUTH}/signin/complete"): "complete",
    ("GET", AUTH): "options",
    ("PUT", f"{AUTH}/verify/phone"): "sms",
    ("POST", f"{AUTH}/verify/phone/securitycode"): "code",
    ("POST", f"{AUTH}/verify/trusteddevice/securitycode"): "code",
    ("GET", f"{AUTH}/2sv/trust"): "trust",
    ("POST", f"{SETUP}/validate"): "validate",
    ("POST", f"{SETUP}/accountLogin"): "login",
    ("POST", f"{SETUP}/storageUsageInfo"): "storage",
    ("POST", f"{SETUP}/logout"): "logout",
    ("GET", "/setup/web/device/getDevices"): "devices",
    ("POST", f"{FIND_MY}/initClient"): "findmy",
    ("POST", f"{FIND_MY}/refreshClient"): "findmy",
}
"""What may be asked, and the name by which scenarios attach a fault to it."""
SIGN_IN: Final = frozenset({"authorize", "init", "complete", "options", "sms", "code", "trust"})
LOCKED: Final = {"serviceErrors": [{"code": "-20209", "message": "This Apple Account has been locked."}]}
"""pyicloud ``const.ERROR_ACCOUNT_LOCKED``."""
WEB_TOKEN: Final = "X-APPLE-WEBAUTH-TOKEN"


@dataclass
class WebSession:
    """One browser session that the account knows."""

    token: str
    born: datetime
    trusted: bool
    verified: bool = False
    """The second factor was shown, trust was not asked for yet."""


@dataclass(frozen=True)
class Request:
    """One line of the actor's log."""

    endpoint: str
    method: str
    path: str
    status: int
    at: datetime


class ICloudActor:
    """A simulated iCloud on a loopback port.

    ``async with ICloudActor(lambda: {"used": 1}) as icloud`` in a running loop.

    :ivar requests: everything it was asked, oldest first.
    :ivar sign_ins: how many requests carried the proof of a password; this is what locks accounts.
    :ivar prompts: how many code prompts or text messages it sent to the person's devices.
    :ivar located: how many requests made phones report where they are.
    :ivar secrets: every secret it handed out or knows, for tests that look for leaks.
    """

    def __init__(self, state_at: Callable[[], Mapping[str, Any]] = dict, *, now: Clock = utc_now) -> None:
        """Set up; nothing listens yet.

        :param state_at: the scenario's account table at this moment.
        :param now: the actor's clock, which decides when sessions expire.
        """
        self._state_at = state_at
        self._now = now
        self._http = HttpServer(self._answer)
        self._sessions: dict[str, WebSession] = {}
        self._web: dict[str, WebSession] = {}
        self._trust: dict[str, datetime] = {}
        self._handshakes: dict[str, Handshake] = {}
        self._pending: dict[str, WebSession] = {}
        self._last_state = ""
        self.requests: list[Request] = []
        self.sign_ins = 0
        self.prompts = 0
        self.located = 0
        self.secrets: set[str] = set()

    # -- curtain -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen."""
        await self._http.start()

    async def stop(self) -> None:
        """Close the door."""
        await self._http.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        """For ``advanced.icloud``."""
        return f"http://127.0.0.1:{self._http.port}"

    def count(self, endpoint: str) -> int:
        """How often an endpoint was asked, by its name in :data:`ENDPOINTS`."""
        return sum(request.endpoint == endpoint for request in self.requests)

    def signed_in(self, state_dir: Path, born: datetime | None = None) -> None:
        """Write the files of a session, so that a story can begin after the sign-in.

        :param state_dir: the watcher's state folder.
        :param born: when the person signed in, aware UTC; absent: a day ago.
        """
        state = account.told(self._state_at())
        born = born or self._now() - timedelta(days=1)
        session = self._new_session(trusted=True, born=born)
        trust = self._new_trust(born)
        folder = state_dir / "account"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = "".join(char for char in str(state["apple_id"]) if char.isalnum() or char == "_")
        data = {"client_id": "auth-1", "session_token": session.token, "trust_token": trust}
        jar = LWPCookieJar(str(folder / f"{stem}.cookiejar"))
        for name, value in self._cookies(session):
            expires = int(self._end(born).timestamp())
            cookie = create_cookie(name, value, domain="127.0.0.1", expires=expires, discard=False)
            jar.set_cookie(cookie)
        jar.save(ignore_discard=True, ignore_expires=True)
        (folder / f"{stem}.session").write_text(json.dumps(data), "utf-8")
        (folder / "signed-in.json").write_text(json.dumps({"apple_id": state["apple_id"], "at": rfc3339(born)}))
        for file in folder.iterdir():
            file.chmod(0o600)

    # -- routing -------------------------------------------------------------------------------------------------

    async def _answer(self, asked: Asked) -> Reply:
        state = account.told(self._state_at())
        self._let_sessions_die(str(state["state"]))
        endpoint = ENDPOINTS.get((asked.method, asked.path), "")
        self.sign_ins += endpoint == "complete" or bool(asked.json().get("password"))
        reply = self._faulty(state, endpoint) or self._play(endpoint, asked, state)
        self.requests.append(Request(endpoint, asked.method, asked.path, reply.status, self._now()))
        return reply

    def _faulty(self, state: Mapping[str, Any], endpoint: str) -> Reply | None:
        group = "signin" if endpoint in SIGN_IN else "setup"
        for name in (endpoint, group, "all"):
            if name in state["faults"] and state["faults"][name] not in ("", "none", None):
                return faulty(state["faults"][name])
        return None

    def _play(self, endpoint: str, asked: Asked, state: Mapping[str, Any]) -> Reply:
        if not endpoint:
            return json_reply({"error": "no such endpoint"}, 404)
        reply: Reply = getattr(self, f"_on_{endpoint}")(asked, state)
        return reply

    def _let_sessions_die(self, word: str) -> None:
        """A change of the account's state ends what it ends, once: a later sign-in counts again."""
        if word != self._last_state and word in ("expired", "revoked"):
            self._web.clear()
        if word != self._last_state and word == "revoked":
            self._sessions.clear()
            self._trust.clear()
        self._last_state = word

    # -- signing in ----------------------------------------------------------------------------------------------

    def _on_authorize(self, _asked: Asked, _state: Mapping[str, Any]) -> Reply:
        return Reply(200, b"<html></html>", [("scnt", self._secret("scnt"))], kind="text/html")

    def _on_init(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        data = asked.json()
        name = str(data.get("accountName", ""))
        if state["protocol"] not in data.get("protocols", ()):
            return json_reply({"serviceErrors": [{"code": "-28404"}]}, 400)
        # An unknown account gets a challenge as well, as at Apple's: nobody learns which accounts exist.
        password = str(state["password"]) if name == state["apple_id"] else secrets.token_hex()
        shake = Handshake(name, password, str(state["protocol"]), base64.b64decode(str(data.get("a", ""))))
        token = self._secret("challenge")
        self._handshakes[token] = shake
        return json_reply({**shake.challenge(), "c": token})

    def _on_complete(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        data = asked.json()
        shake = self._handshakes.pop(str(data.get("c")), None)
        if state["state"] == "locked":
            return json_reply(LOCKED, 403)
        if shake is None or not shake.proven(base64.b64decode(str(data.get("m1", "")))):
            message = "Check the account information you entered and try again. PLANTED-ERROR-BODY"
            return json_reply({"serviceErrors": [{"code": "-20101", "message": message}]}, 401)
        known = any(self._alive(self._trust.get(str(token))) for token in data.get("trustTokens", ()))
        trusted = known or state["two_factor"] == "none"
        session = self._new_session(trusted=trusted)
        headers = [
            ("X-Apple-Session-Token", session.token),
            ("X-Apple-ID-Account-Country", "DEU"),
            ("scnt", self._secret("scnt")),
        ]
        if trusted:
            return json_reply({"authType": "sa"}, headers=headers)
        self.prompts += state["two_factor"] == "device"
        number = self._secret("signin")
        self._pending[number] = session
        return json_reply({"authType": "hsa2"}, 409, [*headers, ("X-Apple-ID-Session-Id", number)])

    def _on_options(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        html = "text/html" in asked.headers.get("accept", "")
        page = json.dumps(account.sign_in_page(state, html=html))
        if not html:
            return Reply(200, page.encode())
        body = f'<html><script type="application/json" class="boot_args">{page}</script></html>'
        return Reply(200, body.encode(), kind="text/html")

    def _on_sms(self, asked: Asked, _state: Mapping[str, Any]) -> Reply:
        if self._waiting(asked) is None:
            return json_reply({"serviceErrors": [{"code": "-20528"}]}, 401)
        self.prompts += 1
        return json_reply({"authType": "hsa2"})

    def _on_code(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        session = self._waiting(asked)
        given = asked.json().get("securityCode", {})
        if session is None or not isinstance(given, dict):
            return json_reply({"serviceErrors": [{"code": "-20528"}]}, 401)
        if state["code_expired"]:
            message = "This verification code has expired. PLANTED-ERROR-BODY"
            return json_reply({"serviceErrors": [{"code": "-21669", "message": message}]}, 400)
        if given.get("code") != state["code"]:
            message = "Incorrect verification code. PLANTED-ERROR-BODY"
            return json_reply({"serviceErrors": [{"code": "-21669", "message": message}]}, 400)
        session.verified = True
        return Reply(204)

    def _on_trust(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        session = self._waiting(asked)
        if session is None or not session.verified or not state["trusts"]:
            return json_reply({"serviceErrors": [{"code": "-20528"}]}, 401)
        session.trusted = True
        headers = [("X-Apple-Session-Token", session.token), ("X-Apple-TwoSV-Trust-Token", self._new_trust())]
        return Reply(204, headers=headers)

    def _waiting(self, asked: Asked) -> WebSession | None:
        return self._pending.get(asked.headers.get("x-apple-id-session-id", ""))

    # -- the session ---------------------------------------------------------------------------------------------

    def _on_login(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        data = asked.json()
        session = self._sessions.get(str(data.get("dsWebAuthToken")))
        if state["state"] == "locked":
            return json_reply(LOCKED, 403)
        if session is None or not self._alive(session.born):
            return json_reply({"success": False, "error": "Invalid Session Token"}, 421)
        if bool(state["china"]) != ("icloud.com.cn" in asked.headers.get("origin", "")) and state["china"]:
            return json_reply({"success": False, "domainToUse": "iCloud.com.cn"}, 302)
        trusted = session.trusted or self._alive(self._trust.get(str(data.get("trustToken"))))
        document = account.session_document(state, self.base_url, trusted=trusted)
        end = format_datetime(self._end(session.born), usegmt=True)
        cookies = [
            ("Set-Cookie", f'{name}="{value}"; Expires={end}; Path=/; HttpOnly')
            for name, value in self._cookies(session)
        ]
        return json_reply(document, headers=cookies)

    def _on_validate(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        session = self._web_session(asked)
        if state["state"] == "locked":
            return json_reply(LOCKED, 403)
        if session is None:
            return json_reply({"success": False, "error": "Missing X-APPLE-WEBAUTH-TOKEN cookie"}, 421)
        return json_reply(account.session_document(state, self.base_url, trusted=session.trusted))

    def _on_logout(self, asked: Asked, _state: Mapping[str, Any]) -> Reply:
        session = self._web_session(asked)
        if session is None:
            return json_reply({"success": False}, 421)
        self._sessions.pop(session.token, None)
        self._web = {token: other for token, other in self._web.items() if other is not session}
        return json_reply({"success": True})

    # -- what is read with it ------------------------------------------------------------------------------------

    def _on_storage(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        return self._read(asked, state, account.storage_document)

    def _on_devices(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        return self._read(asked, state, account.devices_document)

    def _on_findmy(self, asked: Asked, state: Mapping[str, Any]) -> Reply:
        data = asked.json()
        self.located += bool(data.get("isUpdatingAllLocations") or data.get("clientContext", {}).get("shouldLocate"))
        if self._web_session(asked) is None:
            return Reply(450, kind="text/html")
        return json_reply(account.find_my_document(state, self._now(), asked_before="serverContext" in data))

    def _read(self, asked: Asked, state: Mapping[str, Any], write: Callable[[Mapping[str, Any]], Any]) -> Reply:
        if self._web_session(asked) is None:
            return json_reply({"success": False, "error": "Missing X-APPLE-WEBAUTH-TOKEN cookie"}, 421)
        return faulty("denied") if state["state"] == "web-access-off" else json_reply(write(state))

    # -- tokens --------------------------------------------------------------------------------------------------

    def _secret(self, what: str) -> str:
        secret = f"PLANTED-{what}-{secrets.token_hex(16)}"
        self.secrets.add(secret)
        return secret

    def _new_session(self, *, trusted: bool, born: datetime | None = None) -> WebSession:
        session = WebSession(self._secret("session"), born or self._now(), trusted)
        self._sessions[session.token] = session
        return session

    def _new_trust(self, born: datetime | None = None) -> str:
        token = self._secret("trust")
        self._trust[token] = born or self._now()
        return token

    def _cookies(self, session: WebSession) -> list[tuple[str, str]]:
        web = self._secret("web")
        self._web[web] = session
        return [(WEB_TOKEN, web), ("X-APPLE-WEBAUTH-USER", self._secret("user"))]

    def _web_session(self, asked: Asked) -> WebSession | None:
        session = self._web.get(asked.cookie(WEB_TOKEN))
        return session if session is not None and self._alive(session.born) else None

    def _end(self, born: datetime) -> datetime:
        return born + timedelta(days=float(account.told(self._state_at())["session_days"]))

    def _alive(self, born: datetime | None) -> bool:
        return born is not None and self._now() < self._end(born)
