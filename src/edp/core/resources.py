"""What everything is called on AWS: every name follows from the contract's `name`.

Names that are known beforehand let a policy say which resource it means without a reference to it,
and let a handler, a person and an alarm speak of the same queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from edp.core.contract.runtimes import Aws

STAGED: Final = "staged/"
"""Prefix in the work bucket: manifests, and what attempts wrote and nobody sees yet."""
CATALOG: Final = "catalog/"
"""The catalog's own objects; none expires, as the current one may be as old as the last commit."""
REJECTS: Final = "rejects/"
"""Rejected rows; beside the target, because a crawler would take them for rows of the tables."""
_HERE: Final = "${AWS::AccountId}-${AWS::Region}"
"""What tells the buckets of two accounts and regions apart; CloudFormation fills it in."""
_LONGEST_BUCKET: Final = 63
_ACCOUNT_DIGITS: Final = 12
NO_AWS: Final = (
    "edp.yaml has no runtimes.aws, which says where to deploy: "
    "add it with region, source and target"
)
FUNCTIONS: Final = {
    "etl": "takes events into custody, runs small batches, starts the job for large ones",
    "job_events": "settles, retries or dead-letters what a job's end decides",
    "settle": "publishes and commits what a job wrote",
    "crawler": "has the catalog follow what was written, many writes in one crawl",
    "crawler_events": "starts the crawl that was asked for while another one ran",
    "reconcile": "finds lost events, vanished runs and what nobody works on",
    "notifier": "tells people, by PagerDuty and Slack",
}
"""The module of each handler in `edp.lambdas`, and what it does."""


@dataclass(frozen=True)
class Names:
    """The names of one pipeline's resources; `${AWS::...}` in them is CloudFormation's to fill."""

    pipeline: str

    @property
    def work(self) -> str:
        """The bucket of manifests, staged files, rejected rows and query results."""
        return f"{self.pipeline}-work-{_HERE}"

    @property
    def artefacts(self) -> str:
        """The bucket that code is deployed from."""
        return f"{self.pipeline}-artefacts-{_HERE}"

    @property
    def source_topic(self) -> str:
        """Where the source bucket's events go."""
        return f"{self.pipeline}-source"

    @property
    def alerts_topic(self) -> str:
        """What people are told of."""
        return f"{self.pipeline}-alerts"

    @property
    def queue(self) -> str:
        """The source queue, as the alarms call it."""
        return f"{self.pipeline}-queue"

    @property
    def dead_letters(self) -> str:
        """The source queue's dead-letter queue, as the alarms call it."""
        return f"{self.pipeline}-dlq"

    @property
    def crawl_queue(self) -> str:
        """What was written into the target."""
        return f"{self.pipeline}-crawl-queue"

    @property
    def crawl_dead_letters(self) -> str:
        """The crawl queue's dead-letter queue."""
        return f"{self.pipeline}-crawl-dlq"

    @property
    def undelivered(self) -> str:
        """Events that no function took."""
        return f"{self.pipeline}-undelivered"

    @property
    def untold(self) -> str:
        """Alerts that could not be told."""
        return f"{self.pipeline}-untold"

    @property
    def ledger(self) -> str:
        """The DynamoDB table."""
        return f"{self.pipeline}-ledger"

    @property
    def job(self) -> str:
        """The Glue job."""
        return f"{self.pipeline}-etl"

    @property
    def crawler(self) -> str:
        """The Glue crawler."""
        return f"{self.pipeline}-crawler"

    @property
    def database(self) -> str:
        """The catalog's database, as on one machine."""
        return self.pipeline

    @property
    def workgroup(self) -> str:
        """Athena's workgroup."""
        return self.pipeline

    @property
    def bus(self) -> str:
        """EDP's own events."""
        return self.pipeline

    def function(self, module: str) -> str:
        """The Lambda function whose handler is `edp.lambdas.<module>.handler`.

        >>> Names("shop").function("job_events")
        'shop-job-events'
        """
        return f"{self.pipeline}-{module.replace('_', '-')}"

    def check(self, aws: Aws) -> None:
        """Make sure that no name is longer than AWS takes.

        Raises: ConfigError where one would be.
        """
        longest = len(self.artefacts) - len(_HERE) + _ACCOUNT_DIGITS + 1 + len(aws.region)
        if longest > _LONGEST_BUCKET:
            raise ConfigError(
                f"edp.yaml: name: '{self.pipeline}' is {longest - _LONGEST_BUCKET} characters too "
                f"long for the buckets of {aws.region}; take a shorter one"
            )
