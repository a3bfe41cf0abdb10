"""Commands that do the work: up and run."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edp.cli.context import Json, workspace
from edp.cli.settle import until_idle
from edp.cli.stopping import stopping
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edp.pipeline.work import Work
    from edp.wiring import Workspace

_GRACE_S: Final = 8.0
"""How long a stop waits for runs to finish before it releases them."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(run)


def up(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="Port of the console (not yet available).")
    ] = None,
) -> None:
    """Run the local runtime until stopped: watch the source, load what lands, once each."""
    if port is not None:
        raise ConfigError("--port: the console is not available in this version")
    _serve(workspace(ctx), watch=True)


def run(
    ctx: typer.Context,
    until_idle_: Annotated[
        bool, typer.Option("--until-idle", help="Stop once nothing is left to do.")
    ] = False,
    json: Json = False,
) -> None:
    """Work off the queue in the foreground."""
    here = workspace(ctx)
    if until_idle_:
        until_idle(here, json=json)
    else:
        _serve(here, watch=False)


def _serve(here: Workspace, *, watch: bool) -> None:
    from edp.cli.log import narrator
    from edp.pipeline.reconcile import Lookout, recover
    from edp.pipeline.work import Every, Work, garbage

    with here.working("edp up" if watch else "edp run") as held:
        if not held:
            raise ConfigError(
                f"{here.holder() or 'another process'} works this workspace already, and one at a "
                f"time can: stop that one first, or leave the work to it. `edp put` gives it files"
            )
        narrate = narrator(here.stages.events, lake=str(here.lake), stop="Ctrl-C")
        recover(here.stages, orphaned=True)
        lookout = Lookout(here.stages)
        lookout.list()
        relist, collect = Every(30.0), Every()
        with stopping() as stop, _bell() as (ring, bell, quiet), here.etl() as etl:
            work = Work(here.stages, etl, memory=here.memory)
            watcher = here.watcher(ring) if watch else None
            if watcher:
                watcher.start()
            while not stop():
                lookout.look(sorted(watcher.changed()) if watcher else ())
                if watch and relist.due():
                    lookout.list()
                work.turn(flush=False, bell=bell)
                quiet()
                narrate()
                if collect.due():
                    garbage(here.stages)
            _finish(work)
            narrate()
            if watcher:
                watcher.stop()


def _finish(work: Work) -> None:
    """Let the runs under way finish, for a while; release the rest."""
    deadline = time.monotonic() + _GRACE_S
    while work.underway and time.monotonic() < deadline:
        work.turn(flush=False, claim=False)
    work.release()


@contextmanager
def _bell() -> Iterator[tuple[Callable[[], None], int, Callable[[], None]]]:
    """A bell that a thread rings and the loop waits for: ring, what to wait on, quieten."""
    heard, rung = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(rung, False)

    def ring() -> None:
        with suppress(BlockingIOError):  # it rings already
            os.write(rung, b"!")

    def quiet() -> None:
        with suppress(BlockingIOError):
            while os.read(heard, 4096):
                pass

    try:
        yield ring, heard, quiet
    finally:
        os.close(heard)
        os.close(rung)
