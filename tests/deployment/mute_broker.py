"""A broker that accepts everybody and answers their keepalives, and delivers and confirms nothing."""

import socketserver
import threading

CONNACK, SUBACK, PINGRESP = b"\x20\x03\x00\x00\x00", 0x90, b"\xd0\x00"
CONNECT, SUBSCRIBE, PINGREQ = 1, 8, 12


class _Client(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.rfile.read(1):
            body, kind = self.rfile.read(self._length()), head[0] >> 4
            if kind == CONNECT:
                self.wfile.write(CONNACK)
            elif kind == SUBSCRIBE:
                granted = body[:2] + b"\x00" + b"\x01" * body.count(b"ESP32CAM")
                self.wfile.write(bytes([SUBACK, len(granted)]) + granted)
            elif kind == PINGREQ:
                self.wfile.write(PINGRESP)

    def _length(self):
        length, shift = 0, 0
        while True:
            digit = self.rfile.read(1)[0]
            length |= (digit & 127) << shift
            if digit < 128:
                return length
            shift += 7


class MuteBroker(socketserver.ThreadingTCPServer):
    """Speaks MQTT 5 on a loopback port, until the end of the block."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Client)
        self.port = self.server_address[1]

    def handle_error(self, *_):
        """A client that is killed resets its connection."""

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
