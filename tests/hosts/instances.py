"""Instances as their callers have them: started, asked, and killed."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from multiprocessing.connection import Connection, Pipe
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.hosts.instance import Start

_PATIENCE_S: Final = 60.0


class FunctionError(Exception):
    """The handler raised; the text is its traceback."""


class Died(Exception):
    """The process ended while it was at work."""


class Instance:
    """A process that runs one function; `log` gets what it prints."""

    def __init__(self, start: Start, log: Path) -> None:
        self._pipe, theirs = Pipe()
        with log.open("ab") as file:
            self.pid = _fork(start, theirs, file.fileno())
        theirs.close()

    def call(self, asked: Mapping[str, Any], *, timeout_s: float) -> object:
        """What the handler returns.

        Raises: FunctionError when it raised, Died when it was killed, by a time-out among others.
        """
        try:
            self._pipe.send_bytes(json.dumps(asked).encode())
            if not self._pipe.poll(min(timeout_s, _PATIENCE_S)):
                self.kill()
                raise Died("the time was over")
            answer = json.loads(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            raise Died("the process ended") from error
        if "error" in answer:
            raise FunctionError(answer["error"])
        return answer["answer"]

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let it end."""
        self._pipe.close()


def _fork(start: Start, pipe: Connection, log: int) -> int:
    zygote = _zygote()
    socket.send_fds(zygote, [json.dumps(asdict(start)).encode()], [pipe.fileno(), log])
    return int(json.loads(zygote.recv(16)))


@cache
def _zygote() -> socket.socket:
    """The process that forks, started once; it ends when this one does."""
    ours, theirs = socket.socketpair()
    ours.settimeout(_PATIENCE_S)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.hosts.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait(_PATIENCE_S)

    atexit.register(end)
    assert ours.recv(1) == b"!", "the process that forks did not start"
    return ours
