"""Functions that are deployed: called at once or in their own time, as Lambda calls them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from tests.aws_sim import border, client
from tests.hosts.instance import Start
from tests.hosts.instances import Died, FunctionError, Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from werkzeug.wrappers import Response

    from tests.aws_sim.border import Request
    from tests.aws_sim.lambdas import Event

_WAITS_S: Final = (60.0, 120.0)
"""Before an event is handed over again. Source: AWS, "Asynchronous invocation", retries."""


@dataclass
class Waiting:
    """An event that is handed over from `due` on; `tries` were made in vain."""

    event: Event
    due: float
    tries: int = 0


@dataclass(repr=False)
class Function:
    """A function: what it is called and given, and `dead`, where what it failed to do goes."""

    name: str
    arn: str
    handler: str
    timeout_s: float
    memory: int
    environment: Mapping[str, str]
    dead: str | None
    log: Path
    time: Callable[[], float]
    receiver: tuple[int, str] | None = None
    remaining_s: float | None = None
    mailbox: list[Waiting] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    calls: int = 0
    _instance: Instance | None = None
    _spoil: Callable[[Request], Response | None] | None = None

    def now(self, event: Event) -> object:
        """What the handler returns.

        Raises: FunctionError, Died.
        """
        if self._instance is None:
            self._instance = Instance(
                Start(self.handler, self.environment, self.receiver), self.log
            )
        self.calls += 1
        asked = {
            "event": event,
            "name": self.name,
            "arn": self.arn,
            "memory": self.memory,
            "remaining_s": self.remaining_s or self.timeout_s,
            "now": self.time(),
        }
        border.watch(self.key, self._look)
        try:
            return self._instance.call(asked, timeout_s=self.remaining_s or self.timeout_s)
        except Died as error:
            self._instance = None
            self.failures.append(str(error))
            raise
        except FunctionError as error:
            self.failures.append(str(error))
            raise
        finally:
            border.unwatch(self.key)

    @property
    def key(self) -> str:
        """Who signs the function's requests."""
        return self.environment["AWS_ACCESS_KEY_ID"]

    def _look(self, request: Request) -> Response | None:
        self.asked.append(request)
        return self._spoil(request) if self._spoil else None

    def later(self, event: Event) -> None:
        """Take the event over."""
        self.mailbox.append(Waiting(event, self.time()))

    def deliver(self) -> bool:
        """Hand over the events that are due; whether there were any."""
        due = [one for one in self.mailbox if one.due <= self.time()]
        for one in due:
            self.mailbox.remove(one)
            try:
                self.now(one.event)
            except (FunctionError, Died) as error:
                self._put_off(one, error)
        return bool(due)

    def _put_off(self, one: Waiting, error: Exception) -> None:
        if one.tries < len(_WAITS_S):
            due = self.time() + _WAITS_S[one.tries]
            self.mailbox.append(Waiting(one.event, due, one.tries + 1))
        elif self.dead:
            said = {"DataType": "String", "StringValue": str(error)[-1024:]}
            client("sqs").send_message(
                QueueUrl=self.dead,
                MessageBody=json.dumps(one.event),
                MessageAttributes={"ErrorMessage": said},
            )

    def spoil(self, how: Callable[[Request], Response | None] | None) -> None:
        """Have `how` see each request, and answer in AWS's place where it likes."""
        self._spoil = how

    def kill_at(self, number: int) -> None:
        """Kill the process before its writing request of that number is done, counted from 1."""
        writes = count(1)

        def kill(request: Request) -> Response | None:
            if not request.writes or next(writes) != number or self._instance is None:
                return None
            self.spoil(None)
            self._instance.kill()
            return border.throttled(request)

        self.spoil(kill)

    def throttle(self, service: str, operation: str, times: int) -> None:
        """Have AWS ask the function to wait, so many times, when it asks for the operation."""
        left = count(times, -1)

        def refuse(request: Request) -> Response | None:
            if (request.service, request.operation) != (service, operation) or next(left) <= 0:
                return None
            return border.throttled(request)

        self.spoil(refuse)

    def another(self) -> Function:
        """The same function in a process of its own, as Lambda runs it beside the first."""
        return replace(self, mailbox=[], failures=[], calls=0, _instance=None, _spoil=None)

    def stop(self) -> None:
        """Let the instance go; the next call is a cold start."""
        if self._instance:
            self._instance.close()
            self._instance = None


def of_template(properties: Mapping[str, Any], **given: Any) -> Function:  # noqa: ANN401
    """The function that a template describes."""
    return Function(
        name=properties["FunctionName"],
        handler=properties["Handler"],
        timeout_s=float(properties["Timeout"]),
        memory=properties["MemorySize"],
        **given,
    )
