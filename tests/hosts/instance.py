"""An instance of a function: the process in which the handler that ships is called.

What Lambda gives a function is here: its environment, a context, a deadline, and a log that gets
all that it prints. Beside that, only what stands between a test and its handler is changed: where
AWS is, how PagerDuty and Slack are found, where the engine's workers come from, and that retries
within a call do not wait.
"""

from __future__ import annotations

import importlib
import json
import os
import ssl
import sys
import time
import traceback
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.connection import Connection
    from typing import NoReturn


@dataclass(frozen=True)
class Start:
    """What an instance starts with; `receiver` is the port and the authority of PagerDuty's place.

    `faults` arms fault points, as `edp.core.faults.arm` takes them.
    """

    handler: str
    environment: Mapping[str, str]
    receiver: tuple[int, str] | None = None
    faults: str = ""


@dataclass(frozen=True)
class Context:
    """What Lambda tells a handler of its invocation."""

    function_name: str
    memory_limit_in_mb: int
    deadline: float
    invoked_function_arn: str = ""
    function_version: str = "$LATEST"
    log_group_name: str = ""
    log_stream_name: str = "2026/01/09/[$LATEST]0"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def run(pipe: Connection, log: int, start: Start, clock: Any) -> NoReturn:  # noqa: ANN401 (freezegun's)
    """Answer invocations until the pipe closes; never returns.

    `clock` is the time as freezegun has it; each invocation says what time it is.
    """
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.clear()
    os.environ.update(start.environment)
    try:
        _arrange(start)
        _serve(pipe, start, clock)
    except EOFError:
        os._exit(0)
    except BaseException:  # noqa: BLE001 (a process of its own, whose parent reads the log)
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _serve(pipe: Connection, start: Start, clock: Any) -> NoReturn:  # noqa: ANN401 (freezegun's)
    module, _, name = start.handler.rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    while True:
        asked = json.loads(pipe.recv_bytes())
        clock.move_to(datetime.fromtimestamp(asked["now"], UTC))
        pipe.send_bytes(json.dumps(_answer(handler, asked)).encode())


def _answer(handler: Callable[..., object], asked: Mapping[str, Any]) -> dict[str, object]:
    deadline = time.monotonic() + asked["remaining_s"]
    name, arn = asked["name"], asked["arn"]
    context = Context(name, asked["memory"], deadline, arn, log_group_name=f"/aws/lambda/{name}")
    try:
        answer = handler(asked["event"], context)
        json.dumps(answer)
    except Exception:  # noqa: BLE001 (Lambda logs it, and tells who called)
        said = traceback.format_exc()
        print(said, file=sys.stderr)  # noqa: T201 (to the function's log)
        return {"error": said}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return {"answer": answer}


def _arrange(start: Start) -> None:
    """Change what stands between the test and the handler."""
    from botocore.retries import standard  # noqa: PLC0415 (only an instance has it)

    from edp.core import faults  # noqa: PLC0415 (as above)

    # the zygote has started it, and only a parent can ask whether it still runs
    setattr(forkserver._forkserver, "ensure_running", lambda: None)  # noqa: B010, SLF001
    setattr(standard.ExponentialBackoff, "delay_amount", lambda *_: 0.0)  # noqa: B010
    faults.arm(start.faults)
    from edp.notify import transport  # noqa: PLC0415 (as above)
    from edp.notify.pagerduty import Pagerduty  # noqa: PLC0415 (as above)
    from edp.notify.slack import Slack  # noqa: PLC0415 (as above)

    for sink in (Pagerduty, Slack):
        setattr(sink, "gap_s", 0.0)  # noqa: B010 (the vendors' pace has its own test)

    setattr(transport, "Way", partial(transport.Way, **_way(start.receiver)))  # noqa: B010


def _way(receiver: tuple[int, str] | None) -> dict[str, Any]:
    """The way to the receiver; without one no host has an address, and nothing leaves here."""
    if receiver is None:
        return {"resolve": lambda _host, _port: []}
    port, authority = receiver
    return {
        "resolve": lambda _host, _port: [(ip_address("127.0.0.1"), port)],
        "allowed": lambda address: address.is_loopback,
        "trust": lambda: ssl.create_default_context(cadata=authority),
    }
