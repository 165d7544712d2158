"""Receivers as the internet has them, on loopback: HTTP with and without TLS, one that misbehaves on demand."""

import contextlib
import datetime
import json
import queue
import ssl
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tasks.channels.message import Event, Message

LOOPBACK = "127.0.0.1"
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.receiver.requests.put((self.path, dict(self.headers), body))
        with contextlib.suppress(OSError):  # the other side has left
            self.server.receiver.answer(self)

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - the names are of the standard library

    def log_message(self, *_):
        pass

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class Receiver:
    """A receiver that answers as `answer` says; `requests` has (path, headers, body) of each request."""

    def __init__(self, certificate=None):
        self.requests = queue.Queue()
        self.answer = answers(200)
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.receiver = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def url(self, path="/hook"):
        return f"http://{LOOPBACK}:{self.port}{path}"

    def next(self):
        return self.requests.get(timeout=20)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answers(status, body=b"", **headers):
    return lambda handler: handler.say(status, body, **headers)


class Hanging:
    """Answers nothing until it is released."""

    def __init__(self):
        self.released = threading.Event()

    def __call__(self, handler):
        self.released.wait(60)
        handler.close_connection = True


def dribbling(handler):
    """Send one byte after the other, and never come to an end."""
    stop = threading.Event()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not stop.wait(0.01):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def flooding(handler):
    """Send a body without end, and count what the other side has taken."""
    handler.send_response(200)
    handler.send_header("content-type", "text/plain")
    handler.end_headers()
    taken = 0
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
            taken += 65536
    except OSError:
        handler.server.receiver.requests.put(("taken", {}, taken))


def continuing(handler):
    """Announce an answer without end, and count what the other side has taken."""
    taken = 0
    try:
        while True:
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
            taken += 25_000
    except OSError:
        handler.server.receiver.requests.put(("taken", {}, taken))


def babbling(handler):
    """Answer as a server of another protocol does."""
    handler.wfile.write(b"220 s3cret.internal ESMTP ready\r\n\r\n")
    handler.close_connection = True


def redirecting(to):
    return answers(302, location=to)


class Authority:
    """A certificate authority that nobody but these tests trusts."""

    def __init__(self, folder):
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receivers of the tests")])
        signing = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            self._build(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            # Python 3.13 takes no authority without these two.
            .add_extension(signing, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "ca.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _build(self, name, key):
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    def issue(self, *hosts):
        """Make a certificate for these hosts: the files of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._build(x509.Name([]), key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=True)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = self.folder / f"{uuid.uuid4()}.pem", self.folder / f"{uuid.uuid4()}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def context(self):
        return ssl.create_default_context(cafile=str(self.file))


def event(kind="alert.opened", number=1, **fields):
    """An event as the database writes it."""
    common = {"id": str(uuid.uuid4()), "type": kind, "at": "2026-01-05T12:00:00.000Z", "company_id": None,
              "device_id": "AABBCC", "device_name": "gate", "site": "north"}  # fmt: skip
    return Event(number, json.dumps(common | fields))


def message(target, *events, kind="webhook", **values):
    given = {"channel_id": str(uuid.uuid4()), "kind": kind, "name": "hall", "target": target, "secrets": (SECRET,),
             "is_member": True, "is_probe": False, "claim": "", "events": events or (event(),)}  # fmt: skip
    return Message(**given | values)
