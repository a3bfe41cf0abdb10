"""The border that every request to AWS crosses: who asks for what, and what goes wrong there.

moto has no limits and never fails. Here a request can be refused, or the process that sends it be
killed before it is done, so that every state which AWS can be left in is one that a test can make.
"""

from __future__ import annotations

import io
import json
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import unescape

from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
_KEY: Final = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)
_READING: Final = re.compile(r"(Get|BatchGet|Describe|List|Query|HEAD|GET)")
_call = DomainDispatcherApplication.__call__
_WATCHING: Final[dict[str, Callable[[Request], Response | None]]] = {}
_lock: Final = threading.Lock()


@dataclass(frozen=True)
class Request:
    """A request: whose key signed it, the service, and what it asks for.

    `operation` is the method where the service names none on the way, as S3 and Lambda do not;
    `given` is its parameters (with `Keys`, what S3 is to delete), and `source` what it is to copy.
    """

    key: str
    service: str
    operation: str
    path: str
    given: Mapping[str, Any]
    source: str = ""

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return not _READING.match(self.operation)


def mend() -> None:
    """Make it so; once is enough."""
    setattr(DomainDispatcherApplication, "__call__", _crossed)  # noqa: B010


def watch(key: str, look: Callable[[Request], Response | None]) -> None:
    """Have `look` see the requests that `key` signs; what it returns is the answer, if anything."""
    _WATCHING[key] = look


def unwatch(key: str) -> None:
    """Let the requests of `key` pass again."""
    _WATCHING.pop(key, None)


def throttled(request: Request) -> Response:
    """The answer of a service that asks to wait."""
    if request.service == "s3":
        text = "<Error><Code>SlowDown</Code><Message>Please wait.</Message></Error>"
        return Response(text, status=503, content_type="application/xml")
    if request.service in ("sns", "monitoring"):
        text = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>"
            "<Message>Rate exceeded</Message></Error></ErrorResponse>"
        )
        return Response(text, status=400, content_type="text/xml")
    body = {"__type": "ThrottlingException", "message": "Rate exceeded"}
    return Response(
        json.dumps(body),
        status=400,
        content_type="application/x-amz-json-1.0",
        headers={"x-amzn-errortype": "ThrottlingException"},
    )


def _crossed(
    app: DomainDispatcherApplication,
    environ: dict[str, Any],
    start_response: Any,  # noqa: ANN401 (as WSGI has it)
) -> Iterable[bytes]:
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    look = _WATCHING.get(found[1]) if found else None
    if found and look:
        request = _request(found[1], found[2], environ)
        with _lock:
            answer = look(request)
        if answer is not None:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            answer.headers["Connection"] = "close"
            return answer(environ, start_response)
    passed: Iterable[bytes] = _call(app, environ, start_response)
    return passed


def _request(key: str, service: str, environ: dict[str, Any]) -> Request:
    target, kind = environ.get("HTTP_X_AMZ_TARGET", ""), environ.get("CONTENT_TYPE", "")
    path, method = unquote(environ["PATH_INFO"]), environ["REQUEST_METHOD"]
    if target:
        return Request(key, service, target.rpartition(".")[2], path, json.loads(_body(environ)))
    if "x-www-form-urlencoded" in kind:
        form = dict(parse_qsl(_body(environ).decode()))
        return Request(key, service, form["Action"], path, form)
    query: dict[str, Any] = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if service == "s3" and method == "POST" and "delete" in query:
        query["Keys"] = [unescape(key) for key in _KEY.findall(_body(environ).decode())]
    source = unquote(environ.get("HTTP_X_AMZ_COPY_SOURCE", ""))
    return Request(key, service, method, path, query, source)


def _body(environ: dict[str, Any]) -> bytes:
    """The request's body, there to be read again."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body or b"{}"
