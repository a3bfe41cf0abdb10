"""Rules: jobs and crawls that end, by success or failure, go to who acts on them and to people.

EventBridge tells of them as best it can; the reconciler asks for what it did not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aws_cdk import aws_events as events

from edp.core import bus
from edp.infra.stack.functions import invoked_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs

    from edp.infra.stack.site import Site

_OLDEST_S: Final = 24 * 3600
_TRIES: Final = 185
"""What EventBridge does by itself, said here so that the template shows it."""


@dataclass(frozen=True)
class Ends:
    """What ends: the event's type, the field with the name, and the states of each ending."""

    kind: str
    detail_type: str
    named: str
    succeeded: tuple[str, ...]
    failed: tuple[str, ...]


JOBS: Final = Ends(
    "Job", bus.JOB_CHANGED, "jobName", ("SUCCEEDED",), ("FAILED", "TIMEOUT", "STOPPED")
)
CRAWLS: Final = Ends("Crawl", bus.CRAWLER_CHANGED, "crawlerName", ("Succeeded",), ("Failed",))


class Rules:
    """Makes rules; what a target does not take goes to `dead`."""

    def __init__(self, site: Site, dead: sqs.Queue) -> None:
        self._site = site
        self._dead = dead

    def ends(self, what: Ends, name: str, function: lambda_.Function, people: sns.Topic) -> None:
        """Two rules, for success and for failure of what is called `name`."""
        for ending, states in (("Succeeded", what.succeeded), ("Failed", what.failed)):
            pattern = {
                "source": [bus.GLUE],
                "detail-type": [what.detail_type],
                "detail": {what.named: [name], "state": list(states)},
            }
            title = f"{what.kind}{ending}"
            self._rule(title, [function.function_arn, people.topic_arn], pattern=pattern)
            self._invoked(title, function)

    def own(self, function: lambda_.Function) -> None:
        """EDP's own bus, and a rule that hands all its events to the function."""
        name = self._site.names.bus
        own = events.CfnEventBus(self._site.stack, "Bus", name=name)
        self._rule("OwnEvents", [function.function_arn], pattern={"source": ["edp"]}, on=name)
        self._made("OwnEvents").add_resource_dependency(own)
        self._invoked("OwnEvents", function)

    def every(self, minutes: int, title: str, function: lambda_.Function) -> None:
        """Call the function again and again."""
        unit = "minute" if minutes == 1 else "minutes"
        self._rule(title, [function.function_arn], schedule=f"rate({minutes} {unit})")
        self._invoked(title, function)

    def _rule(
        self,
        title: str,
        targets: Sequence[str],
        *,
        pattern: Mapping[str, Any] | None = None,
        schedule: str | None = None,
        on: str | None = None,
    ) -> None:
        dead = events.CfnRule.DeadLetterConfigProperty(arn=self._dead.queue_arn)
        retry = events.CfnRule.RetryPolicyProperty(
            maximum_event_age_in_seconds=_OLDEST_S, maximum_retry_attempts=_TRIES
        )
        kebab = "".join(f"-{c.lower()}" if c.isupper() else c for c in title)
        events.CfnRule(
            self._site.stack,
            title,
            name=f"{self._site.names.pipeline}{kebab}",
            event_bus_name=on,
            event_pattern=pattern,
            schedule_expression=schedule,
            targets=[
                events.CfnRule.TargetProperty(
                    id=f"target-{n}", arn=arn, dead_letter_config=dead, retry_policy=retry
                )
                for n, arn in enumerate(targets)
            ],
        )

    def _invoked(self, title: str, function: lambda_.Function) -> None:
        arn = self._made(title).attr_arn
        invoked_by(self._site, f"{title}Calls", function, "events", arn)

    def _made(self, title: str) -> events.CfnRule:
        rule = self._site.stack.node.find_child(title)
        assert isinstance(rule, events.CfnRule)
        return rule
