"""`rediss://`: a redis-server behind TLS with an authority of one's own, for the chunks and for Celery."""

import socket
import ssl
import threading
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector

import pytest

from core import dispatch
from core.clock import now_ms
from core.settings import RedisSettings, load
from core.store.connection import connect
from core.store.keys import CaptureRef
from operate.queues import read_queues

FAILED_HANDSHAKE = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class TlsFront:
    """Ends TLS in front of a server on loopback, as hosted ones do: one thread for each connection."""

    def __init__(self, certificate, key, target):
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate, key)
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with (
            suppress(OSError),
            connection,
            self._context.wrap_socket(connection, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", self._target)) as inside,
            DefaultSelector() as selector,
        ):
            self._open.append(outside)
            selector.register(outside, EVENT_READ, inside)
            selector.register(inside, EVENT_READ, outside)
            while True:
                for key, _ in selector.select():
                    while True:
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        key.data.sendall(data)
                        if not (key.fileobj is outside and outside.pending()):
                            break

    def stop(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def front(authority, redis_server):
    certificate, key = authority.issue("127.0.0.1")
    front = TlsFront(certificate, key, redis_server.port)
    yield front
    front.stop()


@FAILED_HANDSHAKE
def test_chunks_and_celery_over_tls(front, authority, monkeypatch):
    base = f"rediss://127.0.0.1:{front.port}"
    monkeypatch.setenv("REDIS_URL", f"{base}/8?ssl_ca_certs={authority.file}")
    settings = load(RedisSettings)
    assert settings.queue_url.get_secret_value() == f"{base}/9?ssl_ca_certs={authority.file}"
    with connect(settings.redis_url) as redis:
        assert redis.ping()
    app = dispatch.make_app()
    app.conf.broker_url = settings.queue_url.get_secret_value()
    dispatch.Dispatcher(app, now_ms).store_capture(CaptureRef("TLS1", "a.jpg", "seal"))
    app.pool.force_close_all()
    with connect(settings.queue_url) as redis:
        waiting = {queue.name: queue for queue in read_queues(redis, now_ms())}
        redis.flushdb()
    assert waiting["captures"].waiting == 1
    assert waiting["captures"].oldest_s is not None


@FAILED_HANDSHAKE
def test_an_unknown_authority_is_refused(front, monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"rediss://127.0.0.1:{front.port}/8")
    with (
        connect(load(RedisSettings).redis_url) as redis,
        pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        redis.ping()
