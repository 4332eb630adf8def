"""A certificate for https on this machine, and the authority that signed it, kept in the home with mode 0600.

Clients trust the authority by one file, which holds the public ones too: `REQUESTS_CA_BUNDLE` takes their place
(wire.md 8 A).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from localhai.errors import SurroundingsError, UsageError
from localhai.system import durable

NAMES = ("localhost", "127.0.0.1", "::1", "host.docker.internal")
AUTHORITY, CERTIFICATE, TRUST = "authority.pem", "certificate.pem", "trust.pem"
_AUTHORITY_FOR, _CERTIFICATE_FOR = timedelta(days=3650), timedelta(days=397)  # clients refuse certificates that last
_RENEWED = timedelta(days=30)  # before they end
_SLOW_CLOCK = timedelta(hours=1)  # of a client


class Certificate(Struct, frozen=True):
    """`file` holds certificate and key for the server, `trust` is what clients are given; all PEM."""

    file: Path
    trust: Path
    renewed: bool


def certificate(folder: Path, names: Collection[str] = (), *, now: datetime | None = None) -> Certificate:
    """The certificate in `folder` for this machine's own names and `names`.

    Made anew where it is missing, ends within 30 days, lacks a name or was signed by another authority. Raises
    SurroundingsError for files that are no such thing.
    """
    now = now or datetime.now(timezone.utc)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / CERTIFICATE
    try:
        signing, key = _authority(folder / AUTHORITY, now)
        wanted = sorted({*NAMES, *names})
        usable = path.exists() and _is_good(x509.load_pem_x509_certificate(path.read_bytes()), signing, wanted, now)
    except (ValueError, TypeError) as error:
        raise SurroundingsError(
            "the certificates of the home cannot be read", where=str(folder), hints=[f"remove {folder}"]
        ) from error
    if not usable:
        durable.write(path, _issue(signing, key, wanted, now))
    durable.write(folder / TRUST, _public() + signing.public_bytes(Encoding.PEM))
    return Certificate(path, folder / TRUST, not usable)


def _authority(path: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The one that is kept; the first of two servers that start at once makes it."""
    if path.exists():
        found = x509.load_pem_x509_certificate(path.read_bytes())
        if now + _CERTIFICATE_FOR < found.not_valid_after_utc:
            return found, _key_in(path)
        path.unlink()
    with suppress(FileExistsError):
        durable.write(path, _make_authority(now), fresh=True)
    return x509.load_pem_x509_certificate(path.read_bytes()), _key_in(path)


def _key_in(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("not a key of ours")
    return key


def _make_authority(now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"localhai on this machine, {now:%Y-%m-%d}")])
    made = (
        _builder(name, name, key.public_key(), key.public_key(), now, _AUTHORITY_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _pem(made.sign(key, hashes.SHA256()), key)


def _issue(
    authority: x509.Certificate, signing: ec.EllipticCurvePrivateKey, names: Iterable[str], now: datetime
) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhai serve")])
    made = (
        _builder(subject, authority.subject, key.public_key(), signing.public_key(), now, _CERTIFICATE_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    )
    return _pem(made.sign(signing, hashes.SHA256()), key) + authority.public_bytes(Encoding.PEM)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuers: ec.EllipticCurvePublicKey,
    now: datetime,
    good_for: timedelta,
) -> x509.CertificateBuilder:
    """With what both kinds have; Python 3.13 refuses certificates without key identifiers."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLOW_CLOCK)
        .not_valid_after(now + good_for)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name.encode("idna").decode())
    except UnicodeError:
        raise UsageError(f"{name!r} is not a host name", where=name) from None


def _is_good(found: x509.Certificate, authority: x509.Certificate, names: Iterable[str], now: datetime) -> bool:
    has = set(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    signers = found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    signer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    lasts = now + _RENEWED < found.not_valid_after_utc
    return lasts and signers == signer and {_general(name) for name in names} <= has


def _public() -> bytes:
    """The public authorities that `requests` trusts."""
    import certifi

    return certifi.contents().encode() + b"\n# localhai on this machine\n"


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bytes:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)
