"""Handlers: which functions there are, what each may do, and what calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from edp.core.resources import CATALOG, REJECTS, STAGED
from edp.infra.stack import access
from edp.infra.stack.channels import tell
from edp.infra.stack.functions import MASK_KEY, Functions, invoked_by
from edp.infra.stack.rules import CRAWLS, JOBS, Rules
from edp.infra.stack.sizes import (
    CRAWL_WINDOW_S,
    ETL,
    MOST_MESSAGES,
    RECONCILE,
    RECONCILE_MIN,
    SETTLE,
    SMALL,
    window_s,
)

if TYPE_CHECKING:
    from aws_cdk import aws_sqs as sqs

    from edp.infra.stack.channels import Channels
    from edp.infra.stack.roles import Grant
    from edp.infra.stack.secrets import Secrets
    from edp.infra.stack.site import Site

_CRAWL_CALLS = 2
"""At once: the fewest that Lambda takes, because crawls are gathered and not raced for."""


def handlers(site: Site, by: Channels, entries: Secrets) -> None:
    """Make every function, and have queues, rules and the topic call it."""
    functions = Functions(site, environment(site, by, entries))
    _flow(site, functions, by, entries)
    _ends(site, functions, by, entries)


def environment(site: Site, by: Channels, entries: Secrets) -> dict[str, str]:
    """What handlers are told of where they are; it holds no secret."""
    names = site.names
    return {
        "EDP_ON": "aws",
        "EDP_WORKSPACE": "/var/task/workspace",
        "EDP_LOG": "json",
        "EDP_SOURCE": str(site.aws.source),
        "EDP_TARGET": str(site.aws.target),
        "EDP_REJECTS": f"s3://{names.work}/{REJECTS}",
        "EDP_WORK": f"s3://{names.work}/{STAGED}",
        "EDP_CATALOG": f"s3://{names.work}/{CATALOG}",
        "EDP_QUEUE": by.queue.queue_url,
        "EDP_DEAD_LETTERS": by.dead.queue_url,
        "EDP_LEDGER": names.ledger,
        "EDP_BUS": names.bus,
        "EDP_ARRIVALS": by.arrivals.topic_arn,
        "EDP_ALERTS": by.people.topic_arn,
        "EDP_JOB": "" if site.aws.engine == "lambda" else names.job,
        "EDP_ETL": names.function("etl"),
        "EDP_SETTLE": names.function("settle"),
        "EDP_CRAWLER": "" if site.aws.catalog == "direct" else names.crawler,
        "EDP_DATABASE": names.database,
        "EDP_WORKGROUP": names.workgroup,
        "EDP_VARIABLES_SECRET": entries.variables,
        MASK_KEY: entries.mask_key,
        "POWERTOOLS_SERVICE_NAME": names.pipeline,
        "POWERTOOLS_METRICS_NAMESPACE": "EDP",
    }


def _flow(site: Site, functions: Functions, by: Channels, entries: Secrets) -> None:
    """What queues call: etl, and the crawler's function."""
    etl = functions.make(
        "etl",
        ETL,
        [
            *access.consumes(by.queue),
            *access.keeps_letters(by.dead),
            *_knows(site, entries),
            *_commits(site, entries),
            *access.starts_jobs(site),
        ],
        dead=None,
        hashes=True,
    )
    _polls(
        site,
        "QueueToEtl",
        by.queue,
        etl,
        messages=min(MOST_MESSAGES, site.config.batch.max_files),
        window=window_s(site.config),
        calls=site.aws.concurrency,
    )
    crawler = functions.make(
        "crawler",
        SMALL,
        [*access.consumes(by.crawls), *_knows(site, entries), *_follows(site)],
        dead=None,
    )
    _polls(
        site,
        "CrawlQueueToCrawler",
        by.crawls,
        crawler,
        messages=MOST_MESSAGES,
        window=CRAWL_WINDOW_S,
        calls=_CRAWL_CALLS,
    )


def _ends(site: Site, functions: Functions, by: Channels, entries: Secrets) -> None:
    """What events call: ends of jobs and crawls, the clock, and what people are told of."""
    knows = _knows(site, entries)
    letters = access.keeps_letters(by.dead)
    functions.make(
        "settle",
        SETTLE,
        [*knows, *letters, *_commits(site, entries)],
        dead=by.undelivered,
        hashes=True,
    )
    job_events = functions.make(
        "job_events",
        SMALL,
        [
            *knows,
            *access.sends(by.dead),
            *access.asks_jobs(site),
            *access.calls(site, "settle"),
        ],
        dead=by.undelivered,
    )
    crawler_events = functions.make(
        "crawler_events", SMALL, [*knows, *access.starts_crawls(site)], dead=by.undelivered
    )
    reconcile = functions.make(
        "reconcile",
        RECONCILE,
        [
            *knows,
            *letters,
            *access.asks_jobs(site),
            *access.starts_jobs(site),
            *access.calls(site, "etl", "settle"),
            *access.reads_source(site),
            *access.lists_source(site),
            *access.works(site),
            *access.tidies(site),
            *access.shows(site),
            *access.starts_crawls(site),
            *access.asks_alarms(site),
        ],
        dead=by.undelivered,
    )
    notifier = functions.make("notifier", SMALL, [*knows, *access.asks_jobs(site)], dead=by.untold)
    rules = Rules(site, by.undelivered)
    rules.ends(JOBS, site.names.job, job_events, by.people)
    rules.ends(CRAWLS, site.names.crawler, crawler_events, by.people)
    rules.every(RECONCILE_MIN, "Reconcile", reconcile)
    rules.own(notifier)
    tell(site, by, notifier)
    invoked_by(site, "AlertsTopicCalls", notifier, "sns", by.people.topic_arn)


def _knows(site: Site, entries: Secrets) -> list[Grant]:
    """What every function does: fill in the contract, keep the ledger, tell of it."""
    return [
        *access.reads_secrets([entries.variables]),
        *access.keeps_ledger(site),
        *access.tells(site),
    ]


def _commits(site: Site, entries: Secrets) -> list[Grant]:
    """Load files into tables, up to the commit, and have readers see them."""
    return [
        *access.reads_secrets([entries.mask_key] if entries.mask_key else []),
        *access.reads_source(site),
        *access.works(site),
        *access.publishes(site),
        *access.shows(site),
    ]


def _follows(site: Site) -> list[Grant]:
    """Have the catalog follow what was written: by a crawl, or by showing it at once."""
    if site.aws.catalog == "crawler":
        return access.starts_crawls(site)
    return [*access.works(site), *access.tidies(site), *access.shows(site)]


def _polls(
    site: Site,
    title: str,
    queue: sqs.Queue,
    function: lambda_.Function,
    *,
    messages: int,
    window: int,
    calls: int,
) -> None:
    """Have Lambda read the queue for the function, which says message by message what failed."""
    lambda_.CfnEventSourceMapping(
        site.stack,
        title,
        event_source_arn=queue.queue_arn,
        function_name=function.function_name,
        batch_size=messages,
        maximum_batching_window_in_seconds=window,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
            maximum_concurrency=calls
        ),
    )
