"""The notifier: it hears what happens, owes people what that says, and delivers it.

Locally an event owes its alerts in its own transaction. On AWS it is heard of afterwards, more than
once and in any order; the same rules pick it, and the same words tell of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from edp.core import bus
from edp.core.bus import ALERTS, BUILT_IN, JOB_FAILED, Rule
from edp.notify.port import Outbox
from edp.pipeline.alerting import Announcer
from edp.pipeline.deliver import deliver
from edp.pipeline.hearing import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edp.core.bus import Event
    from edp.core.contract import Config
    from edp.pipeline.alerting import Site
    from edp.pipeline.deliver import Courier


class HearingOutbox(Outbox, Protocol):
    """An outbox that knows what it was told already."""

    def hearing(self, event: str) -> Outbox:
        """The same outbox, for one telling of what `event` names: what it was told is known."""


@dataclass(frozen=True)
class Notifier:
    """The alerts of a pipeline: `rules` pick events, and the couriers bring what they say.

    `run_of` says for which run a job run works, None for none of EDP's; `running` whether a run has
    not ended.
    """

    outbox: HearingOutbox
    config: Config
    site: Site
    couriers: Sequence[Courier]
    run_of: Callable[[str], str | None]
    running: Callable[[str], bool]

    @property
    def rules(self) -> list[Rule]:
        """The rules whose target is people: every pipeline's, and the contract's."""
        own = (Rule(name, one.pattern, one.target) for name, one in self.config.rules.items())
        return [one for one in (*BUILT_IN, JOB_FAILED, *own) if one.target == ALERTS]

    def hear(self, event: Event) -> None:
        """Owe what `event` says to whom it is for; what was heard before owes nothing again."""
        outbox = self.outbox.hearing(identity(event))
        if event.detail_type == bus.RUN_CHANGED:
            outbox.over(str(event.detail["run"]), at=event.time, event_id=event.id)
        severities = {name: one.severity for name, one in self.config.rules.items()}
        announce = Announcer(outbox, self.config.alerts, self.site, own=severities)
        said = event.to_json()
        for rule in self.rules:
            if not rule.fits(said):
                continue
            told = self._of_run(event) if rule is JOB_FAILED else event
            if told is not None:
                announce(rule.name, told)

    def _of_run(self, event: Event) -> Event | None:
        """A job's event with the run that it was for; None where EDP told of its end before."""
        run = self.run_of(str(event.detail["jobRunId"]))
        if run is None:
            return event
        return replace(event, detail={**event.detail, "run": run}) if self.running(run) else None

    def deliver(self, *, within_s: float) -> None:
        """Deliver what is due, for at most `within_s` seconds; what is left stays owed."""
        deliver(self.couriers, within_s=within_s)
