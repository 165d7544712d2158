"""A Mosquitto as an owner should have it: TLS, a user with a password, and rights; certificates made anew."""

import datetime
import ipaddress
import os
import signal
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.mqtt_broker import Mosquitto, mosquitto_binary
from local.part import REPOSITORY
from local.ports import free_port
from operate.logins import hashed

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
        (self.directory / "passwords").write_text(hashed(USER, PASSWORD))
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


class ComposedMosquitto(Mosquitto):
    """The broker of docker-compose.yml: its own script and configuration, with folders of a test.

    `devices` is what the compose file mounts from `broker/`; with a certificate there it listens on `tls_port` too.
    """

    def __init__(self, directory, compose, devices=REPOSITORY / "broker", root="ESP32CAM"):
        super().__init__(directory)
        self._root = root
        self.tls_port = free_port()
        self._service = compose["services"]["mosquitto"]
        self._config = compose["configs"]["mosquitto"]["content"]
        self._devices = devices

    def _placed(self, text):
        text = text.replace("$$", "$").replace("/mosquitto/data", str(self.directory))
        text = text.replace("/mosquitto/devices", str(self._devices))
        text = text.replace("listener 8883", f"listener {self.tls_port} {self.host}")
        return text.replace("/mosquitto/config", str(self.directory))

    def prepare(self):
        # Mosquitto gives up root's rights, and then could not read the folders of a test.
        user = "user root\n" if os.geteuid() == 0 else ""
        config = self._placed(self._config).replace("listener 1883", f"listener {self.port} {self.host}")
        (self.directory / "mosquitto.conf").write_text(user + config)

    def command(self):
        *shell, script = self._service["command"]
        # Only root gives files away, and here nobody needs it.
        lines = [line for line in self._placed(script).splitlines() if not line.startswith("chown ")]
        return [*shell, "\n".join(lines).replace("exec mosquitto ", f"exec {mosquitto_binary()} ")]

    def environment(self):
        given = {"MQTT_USERNAME": USER, "MQTT_PASSWORD": PASSWORD, "MQTT_TOPIC_ROOT": self._root}
        return {**super().environment(), **given}

    @property
    def settings(self):
        """The environment of a service that may log in here."""
        return {
            "MQTT_HOST": self.host,
            "MQTT_PORT": str(self.port),
            "MQTT_TLS": "false",
            "MQTT_USERNAME": USER,
            "MQTT_PASSWORD": PASSWORD,
        }


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
