"""Keys, certificates and pair records of the stage, made the way libimobiledevice and iOS make them.

Shapes: root, host and device certificate with empty names and serial 1, each signed by the root key of the
computer (libimobiledevice ``common/userpref.c``, ``pair_record_generate_keys_and_certs``).
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SYSTEM_BUID = "30142955-4440-9437-9208-051516000000"
"""What ReadBUID answers: the identity of this computer's usbmuxd."""

HOST_ID = "5B1D6C9E-0C0B-4C8B-9C57-6F1F5A3B7E11"
"""The HostID in the pair records that exist before the curtain rises."""


@cache
def _key(role: str) -> RSAPrivateKey:  # noqa: ARG001 - the role is the cache's key
    """One key per role and process: forty phones start in the time of one. Real phones have a key each."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def phone_key() -> RSAPrivateKey:
    """The private key of the simulated phones."""
    return _key("phone")


@cache
def device_public_key() -> bytes:
    """What lockdown's ``DevicePublicKey`` says: PEM of the kind ``RSA PUBLIC KEY``."""
    return phone_key().public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)


@cache
def _phone_key_info() -> bytes:
    """The phone's public key as it stands inside a certificate (DER)."""
    return phone_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _certificate(public: RSAPublicKey, *, ca: bool) -> x509.Certificate:
    now = datetime.now(UTC)  # real time: TLS libraries check against the real clock
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(public)
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3_650))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return builder.sign(_key("computer"), hashes.SHA256())


@cache
def _computer_certificates() -> tuple[bytes, bytes, bytes, bytes]:
    """Root certificate, host certificate, device certificate and the private key of the computer, all PEM."""
    computer = _key("computer")
    certificates = (
        _certificate(computer.public_key(), ca=True),
        _certificate(computer.public_key(), ca=False),
        _certificate(phone_key().public_key(), ca=False),
    )
    private = computer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    root, host, device = (certificate.public_bytes(Encoding.PEM) for certificate in certificates)
    return root, host, device, private


def escrow_bag(udid: str) -> bytes:
    """32 bytes that stand for the phone's escrow bag."""
    return hashlib.sha256(f"escrow {udid}".encode()).digest()


def pair_record(udid: str, wifi_address: str) -> dict[str, Any]:
    """The record that this computer got when it was paired with the phone, long before the story begins."""
    root, host, device, private = _computer_certificates()
    return {
        "DeviceCertificate": device,
        "HostCertificate": host,
        "HostPrivateKey": private,
        "RootCertificate": root,
        "RootPrivateKey": private,
        "HostID": HOST_ID,
        "SystemBUID": SYSTEM_BUID,
        "WiFiMACAddress": wifi_address,
        "EscrowBag": escrow_bag(udid),
    }


PARTS_FOR_THE_PHONE = ("HostID", "HostCertificate", "RootCertificate", "DeviceCertificate")
"""The keys of a pair record that a Pair request must have."""


@dataclass(frozen=True)
class Pairing:
    """What a phone keeps about one computer it trusts."""

    host_id: str
    host_certificate: bytes
    root_certificate: bytes
    device_certificate: bytes

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Pairing:
        """Read the part of a pair record that a phone sees.

        :raises ValueError: a part is missing or is not for this phone (lockdownd: ``InvalidPairRecord``).
        """
        try:
            pairing = cls(*(record[name] for name in PARTS_FOR_THE_PHONE))
            # Not parsed: libimobiledevice's certificates have the serial number 0, which parsers begin to refuse.
            device, _, _ = (
                ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))
                for pem in (pairing.device_certificate, pairing.host_certificate, pairing.root_certificate)
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("the pair record is incomplete") from error
        if _phone_key_info() not in device:
            raise ValueError("the device certificate is not for this phone's key")
        return pairing

    def tls(self) -> ssl.SSLContext:
        """The phone's side of a session: it shows its certificate and wants exactly this computer's."""
        return _tls_context(self.host_certificate + b"\n" + self.root_certificate, self.device_certificate)


@cache
def _tls_context(computer_certificates: bytes, device_certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    # All names are empty, so every certificate looks self-signed by name: pin the computer's own. libimobiledevice
    # shows the root certificate, everybody else the host's.
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=computer_certificates.decode("ascii"))
    private = phone_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with tempfile.TemporaryDirectory() as folder:  # the ssl module loads certificates from files only
        path = Path(folder) / "device.pem"
        path.write_bytes(device_certificate + b"\n" + private)
        context.load_cert_chain(path)
    return context
