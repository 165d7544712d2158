"""Make the certificate of a broker of one's own: `fleet certificates HOST…`.

HOST is what devices call the broker: its name, its address in the network, or several of them. The first time
makes an authority too: `ca.pem` is what devices and MQTT_CA_CERT are given, and its key stays in a folder
that the broker never sees. Once more makes a new certificate by the same authority, with nothing to change
at devices.

Exit status: 0, 1 if a file cannot be read or written, 2 for wrong usage.
"""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from operate.command import end, say
from operate.whole_files import write_whole

# Devices keep the authority for as long as they live; a certificate is made again in time.
_AUTHORITY: Final = timedelta(days=20 * 365)
_CERTIFICATE: Final = timedelta(days=825)
# A device whose clock is a little behind takes it as well.
_EARLIER: Final = timedelta(days=1)
_CURVE: Final = ec.SECP256R1()

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    hosts: Annotated[list[str], typer.Argument(help="the names and addresses of the broker")],
    *,
    broker: Annotated[
        Path, typer.Option(help="the folder of the broker, for broker.pem and broker.key", file_okay=False)
    ] = Path("broker"),
    authority: Annotated[
        Path, typer.Option(help="the folder of the authority, for ca.pem and ca.key", file_okay=False)
    ] = Path("authority"),
) -> None:
    """Make a certificate for a broker, and the authority that signs it where there is none."""
    try:
        names = [name for host in hosts for name in _names_of(host)]
    except ValueError:
        end(f"these are no names or addresses of a host: {' '.join(hosts)}", 2)
    try:
        issuer = _authority_in(authority)
        pair = _issued(names, issuer)
        _write(pair, broker, "broker")
    except (OSError, ValueError, TypeError) as error:
        end(f"cannot read or write: {error}", 1)
    until = f"until {pair[0].not_valid_after_utc:%Y-%m-%d}"
    say(f"✓ {broker / 'broker.pem'} for {', '.join(hosts)}, {until}: run this again before, and restart it")
    say(f"✓ {authority / 'ca.pem'}: what devices and MQTT_CA_CERT are given")
    say(f"✓ {authority / 'ca.key'}: who has it can be the broker; keep it, and a copy, where that is not")


def _names_of(host: str) -> list[x509.GeneralName]:
    """Return what clients compare with a host; raise ValueError if it is neither name nor address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not host.strip() or not all(part.replace("-", "").isalnum() for part in host.split(".")):
            raise
        return [x509.DNSName(host)]
    # The mbedTLS of boards compares an address with the names alone.
    return [x509.IPAddress(address), x509.DNSName(host)]


def _authority_in(folder: Path) -> Pair:
    """Return the authority of a folder, made if there is none.

    Raises OSError, TypeError or ValueError if it cannot be read or written.
    """
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if certificate.exists() or key.exists():
        kept = serialization.load_pem_private_key(key.read_bytes(), password=None)
        if not isinstance(kept, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key} is no key of this command")
        return x509.load_pem_x509_certificate(certificate.read_bytes()), kept
    made = ec.generate_private_key(_CURVE)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the broker")])
    builder = _builder(name, name, made, _AUTHORITY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(made.public_key()), critical=False
    )
    pair = builder.sign(made, hashes.SHA256()), made
    _write(pair, folder, "ca")
    return pair


def _issued(names: list[x509.GeneralName], issuer: Pair) -> Pair:
    authority, authority_key = issuer
    key = ec.generate_private_key(_CURVE)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = _builder(subject, authority.subject, key, _CERTIFICATE)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    builder = builder.add_extension(usage, critical=False).add_extension(identifier, critical=False)
    return builder.sign(authority_key, hashes.SHA256()), key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, holds: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + holds)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _write(pair: Pair, folder: Path, name: str) -> None:
    """Write certificate and key; the key is for its owner's eyes alone, before anything is in it."""
    certificate, key = pair
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_whole(folder / f"{name}.key", secret, 0o600)
    write_whole(folder / f"{name}.pem", certificate.public_bytes(encoding), 0o644)


if __name__ == "__main__":
    app()
