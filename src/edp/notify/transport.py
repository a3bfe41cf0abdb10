"""The one way out: a JSON document is posted to a host that is allowed, and to nothing else.

https only, no redirects, no proxy from the environment. The host's addresses are looked up once,
each of them has to be a public one, and the connection goes to an address that was checked, so that
no second look-up can lead elsewhere. What a reply says is cut, and secrets never reach an answer.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

import httpx

from edp.core import clock
from edp.notify.port import Answer
from edp.notify.text import fit, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Address = IPv4Address | IPv6Address
Endpoint = tuple[Address, int]
"""An address and a port."""

_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_WHOLE_S: Final = 20.0
"""Seconds that a whole exchange may take; the timeouts above are for each step."""
_REPLY: Final = 4096
"""Bytes of a reply that are read."""
_SAID: Final = 200
_LONGEST_PAUSE_S: Final = 3600.0
_MAY_PASS: Final = frozenset({408, 425, 429})
_FIRST_SERVER_FAULT: Final = 500


def resolve(host: str, port: int) -> Sequence[Endpoint]:
    """Where `host` can be reached, as the system says.

    Raises: OSError when it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(ip_address(str(address[0]).partition("%")[0]), port) for *_, address in found]


def is_public(address: Address) -> bool:
    """Whether an alert may go there: no private, local, reserved or multicast address.

    >>> [is_public(ip_address(a)) for a in ("8.8.8.8", "10.0.0.1", "169.254.169.254", "::1")]
    [True, False, False, False]
    >>> is_public(ip_address("::ffff:10.0.0.1")), is_public(ip_address("64:ff9b::a00:1"))
    (False, False)
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _embedded(address)
        if inner is not None and not is_public(inner):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


@dataclass(frozen=True)
class Way:
    """How hosts are found and trusted; the default is the only one outside tests."""

    resolve: Callable[[str, int], Sequence[Endpoint]] = resolve
    allowed: Callable[[Address], bool] = is_public
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context


@dataclass(frozen=True)
class Reply:
    """What came back: a status with the start of its text, or, with status 0, why none came."""

    status: int
    text: str
    after_s: float | None = None
    may_pass: bool = False

    def answer(self, *, accepted: int) -> Answer:
        """What the reply means, where `accepted` is the status of success."""
        if self.status == accepted:
            return Answer("delivered", str(self.status))
        said = f"{self.status}: {self.text}" if self.status else self.text
        return Answer("later" if self.may_pass else "refused", said, self.after_s)


@dataclass
class Transport:
    """Posts to `hosts`; every word of `secrets` is struck from what replies and errors say."""

    hosts: frozenset[str]
    secrets: Sequence[str] = field(default=(), repr=False)
    way: Way = field(default_factory=Way)
    _trust: ssl.SSLContext | None = None

    def post(self, url: str, content: dict[str, Any]) -> Reply:
        """Post `content` as JSON; what came back. It never raises for what a network does."""
        parsed = httpx.URL(url)
        if wrong := self._refusal(parsed):
            return Reply(0, wrong)
        try:
            return self._posted(parsed, content)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Reply(0, self._plain(f"{type(error).__name__}: {error}"), may_pass=True)

    def _refusal(self, url: httpx.URL) -> str:
        if url.scheme != "https" or url.userinfo:
            return "not posted: the address is no plain https URL"
        if url.host not in self.hosts:
            return "not posted: its host is not allowed; name it in alerts.hosts"
        return ""

    def _posted(self, url: httpx.URL, content: dict[str, Any]) -> Reply:
        endpoints = self.way.resolve(url.host, url.port or 443)
        if not endpoints or not all(self.way.allowed(address) for address, _ in endpoints):
            return Reply(0, "not posted: its host has an address that is not public", may_pass=True)
        if self._trust is None:
            self._trust = self.way.trust()
        deadline = time.monotonic() + _WHOLE_S
        address, port = endpoints[0]
        # httpx's client would log the address, which may be a secret; its transport does not
        request = httpx.Request(
            "POST",
            url.copy_with(host=str(address), port=port),
            json=content,
            headers={"Host": url.netloc.decode("ascii"), "User-Agent": "edp"},
            extensions={"sni_hostname": url.host, "timeout": _TIMEOUT.as_dict()},
        )
        with httpx.HTTPTransport(verify=self._trust) as transport:
            response = transport.handle_request(request)
            try:
                text = _start(response, deadline)
            finally:
                response.close()
        status = response.status_code
        return Reply(
            status,
            self._plain(text.decode("utf-8", "replace")),
            _after_s(response.headers.get("retry-after")),
            may_pass=status in _MAY_PASS or status >= _FIRST_SERVER_FAULT,
        )

    def _plain(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return fit(one_line(text), _SAID)


def _start(response: httpx.Response, deadline: float) -> bytes:
    """The first bytes of a reply; the status counts, whatever becomes of the rest."""
    read = b""
    try:
        for part in response.iter_raw():
            read += part
            if len(read) >= _REPLY or time.monotonic() > deadline:
                break
    except httpx.HTTPError:
        pass
    return read[:_REPLY]


def _after_s(said: str | None) -> float | None:
    """Seconds from a `Retry-After` header: a number, or a date.

    >>> _after_s("30"), _after_s("-1"), _after_s("soon"), _after_s("9e9"), _after_s(None)
    (30.0, 0.0, None, None, None)
    """
    if said is None:
        return None
    try:
        seconds = float(int(said))
    except ValueError:
        try:
            seconds = parsedate_to_datetime(said).timestamp() - clock.now()
        except ValueError:
            return None
    return min(max(seconds, 0.0), _LONGEST_PAUSE_S)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address in an address of NAT64's well-known prefix."""
    prefix = IPv6Address("64:ff9b::")
    return (
        IPv4Address(int(address) & 0xFFFFFFFF) if int(address) >> 32 == int(prefix) >> 32 else None
    )
