"""All connections of a fleet in one thread: one selector drives all paho clients.

A thread for each of two hundred clients would use more of the test machine than the devices themselves.
So this module calls each client's `loop_read` and `loop_write` when its socket is ready, and `loop_misc`
at intervals. Only the blocking part of connecting runs in a few helper threads.
"""

import resource
import selectors
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from time import monotonic
from typing import Protocol

from paho.mqtt.client import Client

from simulator.connection import Connection, Link
from simulator.options import FleetOptions, OptionError

CONNECT_THREADS = 8
SPARE_DESCRIPTORS = 256  # open files that the process needs besides the connections
MISC_SECONDS = 1.0  # interval at which each client checks its keepalive


class BrokerUnreachableError(Exception):
    """No device ever got a connection; the message names the broker and the reason in one line."""


class Listener(Protocol):
    """The object that the network informs about events on the connections."""

    def on_ready(self, connection: Connection) -> None:
        """Handle a connection that is up and has its topics subscribed."""

    def on_message(self, topic: str, payload: bytes) -> None:
        """Handle a message."""

    def on_room(self, connection: Connection) -> None:
        """Handle a connection that can take messages again."""

    def on_failure(self, reason: str) -> None:
        """Handle a failed connection attempt; the network repeats it while the connection is wanted."""


class Network:
    """The connections of a fleet. Only `wake` may be called outside the thread that calls `poll`.

    Raises `OptionError` if the CA certificate cannot be used.
    """

    def __init__(self, options: FleetOptions, listener: Listener) -> None:
        self._options = options
        self._listener = listener
        self._tls = _tls_context(options)
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._pool = ThreadPoolExecutor(CONNECT_THREADS, thread_name_prefix="simulator-connect")
        self._opened: SimpleQueue[tuple[Connection, str]] = SimpleQueue()
        self._live: set[Connection] = set()
        self._retries: set[Connection] = set()
        self._sockets: dict[Connection, tuple[int, int]] = {}  # file descriptor and events watched
        self._misc_at = 0.0

    def make_room_for(self, connections: int) -> None:
        """Raise the process's limit on open files if it is too low for this number of connections.

        Raises `OptionError` if the system does not allow it.
        """
        needed = connections + SPARE_DESCRIPTORS
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < needed:
            if hard != resource.RLIM_INFINITY and hard < needed:
                raise OptionError(
                    f"devices: {connections} connections need {needed} open files, the system allows {hard}; "
                    "use shared_connections"
                )
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))

    @property
    def is_quiet(self) -> bool:
        """Whether all connections are closed."""
        return not self._live

    def want(self, connection: Connection) -> bool:
        """Open a connection and keep it open until `release`; return whether it is ready already."""
        connection.wanted = True
        if connection.link is Link.DOWN and connection not in self._retries:
            self._open(connection)
        return connection.link is Link.READY

    def release(self, connection: Connection) -> None:
        """Close a connection as soon as the broker has acknowledged everything sent on it."""
        connection.wanted = False
        if connection in self._retries:
            self._retries.discard(connection)
            connection.become_down(monotonic())
        self._close_if_idle(connection)

    def flush(self, connection: Connection) -> None:
        """After a send, register what could not be written at once and notice a broken connection."""
        self._settle(connection)

    def poll(self, timeout: float) -> None:
        """Wait at most `timeout` seconds for events on the connections and handle them."""
        if self._retries:
            timeout = min(timeout, max(0.0, min(c.retry_at for c in self._retries) - monotonic()))
        for key, events in self._selector.select(min(timeout, MISC_SECONDS)):
            if key.data is None:
                self._answer_bell()
            elif key.data in self._sockets:
                self._serve(key.data, events)
        now = monotonic()
        for connection in [c for c in self._retries if c.retry_at <= now]:
            self._retries.discard(connection)
            self._open(connection)
        if now >= self._misc_at:
            self._misc_at = now + MISC_SECONDS
            for connection in list(self._sockets):
                if connection.client is not None:
                    connection.client.loop_misc()
                    self._settle(connection)

    def wake(self) -> None:
        """Make `poll` return now. May be called from any thread and from a signal handler."""
        try:
            self._rope.send(b"!")
        except OSError:
            return  # A wake-up is pending already, or the network is closed.

    def close(self) -> None:
        """Close everything at once."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        while not self._opened.empty():
            self._opened.get()
        for connection in self._live:
            connection.wanted = False
            if connection.client is not None:
                connection.client.disconnect()
        self._live.clear()
        self._selector.close()
        self._bell.close()
        self._rope.close()

    # Opening

    def _open(self, connection: Connection) -> None:
        client = connection.prepare(self._options, self._tls)
        client.on_socket_close = lambda _client, _userdata, _socket: self._forget_socket(connection)
        self._live.add(connection)
        self._pool.submit(self._connect, connection, client)

    def _connect(self, connection: Connection, client: Client) -> None:
        """Connect in a helper thread, because name look-up, TCP and TLS block."""
        options, reason = self._options, ""
        try:
            client.connect(options.host, options.port, options.keepalive)
        except ssl.SSLCertVerificationError as error:
            reason = f"its certificate is not trusted: {error.verify_message}"
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        else:
            sock = client.socket()
            if isinstance(sock, socket.socket):
                # Without it the kernel delays a small message until the last one is confirmed, up to 40 ms.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opened.put((connection, reason))
        self.wake()

    def _answer_bell(self) -> None:
        try:
            while self._bell.recv(4096):
                pass
        except BlockingIOError:
            pass
        while not self._opened.empty():
            connection, reason = self._opened.get()
            if reason:
                self._go_down(connection)
                self._listener.on_failure(reason)
            else:
                connection.link = Link.GREETING
                self._settle(connection)

    # Serving

    def _serve(self, connection: Connection, events: int) -> None:
        client = connection.client
        if client is None:
            return
        had_room = connection.room > 0
        if events & selectors.EVENT_READ:
            client.loop_read()
            while _holds_decrypted_bytes(client):
                client.loop_read()
        if events & selectors.EVENT_WRITE:
            client.loop_write()
        self._settle(connection)
        if not had_room and connection.room > 0:
            self._listener.on_room(connection)

    def _settle(self, connection: Connection) -> None:
        """Act on the state that the callbacks have recorded."""
        while connection.inbox:
            self._listener.on_message(*connection.inbox.popleft())
        client = connection.client
        if client is None or connection.link in (Link.DOWN, Link.OPENING):
            return
        if client.socket() is None:
            refusal = connection.refusal
            self._go_down(connection)
            if refusal:
                self._listener.on_failure(f"it refuses the connection: {refusal}")
            return
        if connection.link is Link.GREETING and connection.is_greeted:
            if connection.refusal:
                client.disconnect()
                self._settle(connection)
                return
            connection.become_ready()
            if connection.wanted:
                self._listener.on_ready(connection)
        self._close_if_idle(connection)
        self._watch(connection)

    def _close_if_idle(self, connection: Connection) -> None:
        if connection.wanted or connection.link is not Link.READY or connection.unacknowledged:
            return
        if connection.client is not None:
            connection.client.disconnect()
            if connection.client.socket() is None:
                self._go_down(connection)

    def _go_down(self, connection: Connection) -> None:
        connection.become_down(monotonic())
        self._live.discard(connection)
        if connection.wanted:
            self._retries.add(connection)

    def _watch(self, connection: Connection) -> None:
        """Tell the selector which socket events this connection waits for."""
        client = connection.client
        if client is None or (sock := client.socket()) is None:
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.want_write() else 0)
        known = self._sockets.get(connection)
        if known is None:
            descriptor = sock.fileno()
            self._selector.register(descriptor, events, connection)
            self._sockets[connection] = descriptor, events
        elif known[1] != events:
            self._selector.modify(known[0], events, connection)
            self._sockets[connection] = known[0], events

    def _forget_socket(self, connection: Connection) -> None:
        known = self._sockets.pop(connection, None)
        if known is not None:
            self._selector.unregister(known[0])


def _holds_decrypted_bytes(client: Client) -> bool:
    """Whether TLS holds decrypted bytes, which the selector cannot see."""
    sock = client.socket()
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def _tls_context(options: FleetOptions) -> ssl.SSLContext | None:
    if not options.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=str(options.ca_cert) if options.ca_cert else None)
    except OSError as error:
        raise OptionError(f"ca_cert cannot be used: {options.ca_cert}: {error.strerror or error}") from error
    context.sslsocket_class = _TidySocket
    return context


class _TidySocket(ssl.SSLSocket):
    """A TLS socket that closes itself when the handshake fails, because paho does not close it then."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise
