"""A Mosquitto as an owner should have it: TLS, a user with a password, and rights; certificates made anew."""

import base64
import datetime
import hashlib
import ipaddress
import os
import signal
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.mqtt_broker import Mosquitto

USER = "fleet"
PASSWORD = "correct-horse-battery"
ALL_TOPICS = "topic readwrite ESP32CAM/#\n"


class SecuredMosquitto(Mosquitto):
    """Mosquitto with one user; `certificate` (see `Authority.issue`) turns TLS on."""

    def __init__(self, directory, *, certificate=None, rights=ALL_TOPICS):
        super().__init__(directory)
        self.certificate = certificate
        self.rights = rights

    def prepare(self):
        super().prepare()
        config = self.directory / "mosquitto.conf"
        (self.directory / "passwords").write_text(password_line(USER, PASSWORD))
        self._write_rights()
        for name in ("passwords", "rights"):
            (self.directory / name).chmod(0o600)
        lines = config.read_text().replace("allow_anonymous true", "allow_anonymous false")
        lines += f"password_file {self.directory}/passwords\nacl_file {self.directory}/rights\n"
        if self.certificate:
            certificate, key = self.certificate
            lines += f"certfile {certificate}\nkeyfile {key}\n"
        config.write_text(lines)

    def _write_rights(self):
        (self.directory / "rights").write_text(f"user {USER}\n{self.rights}")

    def grant(self, rights):
        """Give the user other rights while the broker runs."""
        self.rights = rights
        self._write_rights()
        os.kill(self.process.pid, signal.SIGHUP)

    @property
    def settings(self):
        """The environment of a service that may log in here."""
        return {
            "MQTT_HOST": self.host,
            "MQTT_PORT": str(self.port),
            "MQTT_TLS": "true" if self.certificate else "false",
            "MQTT_USERNAME": USER,
            "MQTT_PASSWORD": PASSWORD,
        }


def password_line(user, password):
    """A line of Mosquitto's password file (PBKDF2 with SHA-512)."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


class Authority:
    """A certificate authority that lives for one test; `file` is what MQTT_CA_CERT is given."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = directory / "ca.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name):
        """A certificate for this host name or address, as the paths of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            alternative = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._builder(subject, key)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        paths = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _builder(self, subject, key):
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=7))
        )
