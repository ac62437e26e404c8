"""The server's half of Apple's sign-in proof: SRP-6a with SHA-256 and the 2048-bit group of RFC 5054.

Apple's variation: the user name is not part of x, and the password is first drawn out with PBKDF2 over its SHA-256
digest (protocol ``s2k``) or over that digest in hexadecimal (``s2k_fo``). Both sides prove that they know it;
neither sends it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from srp import _pysrp as srp

ITERATIONS: Final = 1_000
"""Rounds of PBKDF2. Apple asks for about twenty thousand; the actor keeps the tests quick."""
KEY_LENGTH: Final = 32
"""Bytes of the drawn-out password, fixed in the client."""


def drawn_out(password: str, salt: bytes, protocol: str) -> bytes:
    """The secret that SRP works with."""
    digest = hashlib.sha256(password.encode()).digest()
    material = digest.hex().encode() if protocol == "s2k_fo" else digest
    return hashlib.pbkdf2_hmac("sha256", material, salt, ITERATIONS, KEY_LENGTH)


@dataclass
class Handshake:
    """One sign-in between ``signin/init`` and ``signin/complete``."""

    account: str
    password: str
    protocol: str
    client_public: bytes
    _verifier: Any = None

    @property
    def salt(self) -> bytes:
        """The same 16 bytes at every sign-in to the account; they may begin with a zero."""
        return hashlib.sha256(f"salt of {self.account}".encode()).digest()[:16]

    def challenge(self) -> dict[str, Any]:
        """The answer to ``signin/init`` without its ``c``.

        :raises ValueError: the client's number is one of those with which it could cheat.
        """
        srp.rfc5054_enable()
        srp.no_username_in_x()
        prime, generator = srp.get_ng(srp.NG_2048, None, None)
        inner = hashlib.sha256(b":" + drawn_out(self.password, self.salt, self.protocol)).digest()
        x = int.from_bytes(hashlib.sha256(self.salt + inner).digest(), "big")
        verifier = pow(generator, x, prime).to_bytes(256, "big")
        self._verifier = srp.Verifier(
            self.account, self.salt, verifier, self.client_public, hash_alg=srp.SHA256, ng_type=srp.NG_2048
        )
        salt, public = self._verifier.get_challenge()
        if salt is None:
            raise ValueError("unsafe client number")
        return {
            "iteration": ITERATIONS,
            "salt": base64.b64encode(salt).decode(),
            "protocol": self.protocol,
            "b": base64.b64encode(public).decode(),
        }

    def proven(self, proof: bytes) -> bool:
        """Whether the client knows the password."""
        return self._verifier is not None and self._verifier.verify_session(proof) is not None
