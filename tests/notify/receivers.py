"""A server that plays PagerDuty and Slack over HTTPS on loopback, by a script."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import trustme

from edp.notify.transport import Way

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGERDUTY = "events.pagerduty.com"
SLACK = "hooks.slack.com"
PATIENCE_S = 20.0


@dataclass
class Reply:
    """What the server does with one request."""

    status: int = 0
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    does: str = "reply"


HANG = Reply(does="hang")
RESET = Reply(does="reset")


@dataclass(frozen=True)
class Request:
    """A request as it came, and what was replied."""

    host: str
    path: str
    body: dict[str, Any]
    status: int


class Receiver:
    """The server: `script` holds what to do with the next requests of a host, then all is well."""

    def __init__(self, authority: trustme.CA, names: tuple[str, ...] = (PAGERDUTY, SLACK)) -> None:
        self.requests: list[Request] = []
        self.script: dict[str, list[Reply]] = {}
        self.always: dict[str, Reply] = {}
        self.released = threading.Event()
        self.lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = int(self._server.server_address[1])
        self._authority = authority

    def way(self) -> Way:
        """How to get here: every name is on loopback, and the test's authority is trusted."""
        return Way(
            resolve=lambda _host, _port: [(ip_address("127.0.0.1"), self.port)],
            allowed=lambda address: address.is_loopback,
            trust=self._trust,
        )

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def accepted(self, host: str) -> list[dict[str, Any]]:
        """The bodies that a host took, in order."""
        with self.lock:
            return [
                one.body for one in self.requests if one.host == host and one.status in (200, 202)
            ]

    def incidents(self) -> tuple[Counter[str], Counter[str]]:
        """By dedup key: how often PagerDuty opened an incident, and how often it resolved one."""
        opened: Counter[str] = Counter()
        resolved: Counter[str] = Counter()
        for body in self.accepted(PAGERDUTY):
            key, action = body.get("dedup_key", ""), body.get("event_action")
            is_open = opened[key] > resolved[key]
            if action == "trigger" and not is_open:
                opened[key] += 1
            if action == "resolve" and is_open:
                resolved[key] += 1
        return opened, resolved

    def run(self) -> None:
        """Serve until closed."""
        self._server.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        """Stop serving; what hangs is let go."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def next_for(self, host: str) -> Reply:
        """What to do with the next request of `host`."""
        with self.lock:
            if waiting := self.script.get(host):
                return waiting.pop(0)
        well = Reply(202, '{"status":"success"}') if host == PAGERDUTY else Reply(200, "ok")
        return self.always.get(host, well)

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805 (the class within has a self of its own)
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with suppress(OSError):
                    super().handle()

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                host = self.headers["Host"]
                reply = receiver.next_for(host)
                with receiver.lock:
                    receiver.requests.append(Request(host, self.path, body, reply.status))
                if reply.does == "hang":
                    receiver.released.wait(PATIENCE_S)
                    return
                if reply.does == "reset":
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                    return
                text = reply.text.encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        return Handler


AUTHORITY = trustme.CA()
"""One for all tests: making keys takes time."""


@contextmanager
def receiving(*names: str) -> Iterator[Receiver]:
    """A server that runs."""
    receiver = Receiver(AUTHORITY, names or (PAGERDUTY, SLACK))
    thread = threading.Thread(target=receiver.run, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.close()
        thread.join(PATIENCE_S)
