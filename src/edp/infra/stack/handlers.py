"""Handlers: which functions there are, what each may do, and what calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from edp.infra.stack import access
from edp.infra.stack.buckets import CATALOG, REJECTS, STAGED
from edp.infra.stack.channels import tell
from edp.infra.stack.functions import Functions, invoked_by
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
        "EDP_ALERTS": by.people.topic_arn,
        "EDP_JOB": "" if site.aws.engine == "lambda" else names.job,
        "EDP_ETL": names.function("etl"),
        "EDP_SETTLE": names.function("settle"),
        "EDP_CRAWLER": "" if site.aws.catalog == "direct" else names.crawler,
        "EDP_DATABASE": names.database,
        "EDP_WORKGROUP": names.workgroup,
        "EDP_VARIABLES_SECRET": entries.variables,
        "EDP_MASK_KEY_SECRET": entries.mask_key,
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
            *access.sends(by.dead),
            *access.reads_source(site),
            *access.works(site),
            *access.publishes(site),
            *access.keeps_ledger(site),
            *access.reads_catalog(site),
            *access.starts_jobs(site),
            *access.tells(site),
            *access.reads_secrets(entries.all),
        ],
        dead=None,
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
        [
            *access.consumes(by.crawls),
            *access.sends(by.crawl_dead),
            *access.reads_target(site),
            *access.keeps_ledger(site),
            *access.keeps_catalog(site),
            *access.starts_crawls(site),
            *access.tells(site),
            *access.reads_secrets([entries.variables]),
        ],
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
    variables = access.reads_secrets([entries.variables])
    keeps = [*access.keeps_ledger(site), *access.tells(site), *variables]
    publishes = [
        *access.reads_source(site),
        *access.works(site),
        *access.publishes(site),
        *access.reads_catalog(site),
        *access.sends(by.dead, by.queue),
    ]
    settle_secrets = access.reads_secrets(entries.all)
    settles = [*access.keeps_ledger(site), *access.tells(site), *publishes, *settle_secrets]
    functions.make("settle", SETTLE, settles, dead=by.undelivered)
    asks = [*keeps, *access.starts_jobs(site), *access.calls(site, "etl", "settle")]
    sends = access.sends(by.dead, by.queue)
    job_events = functions.make("job_events", SMALL, [*asks, *sends], dead=by.undelivered)
    crawler_events = functions.make(
        "crawler_events", SMALL, [*keeps, *access.starts_crawls(site)], dead=by.undelivered
    )
    reconcile = functions.make(
        "reconcile",
        RECONCILE,
        [
            *asks,
            *sends,
            *access.reads_source(site),
            *access.works(site),
            *access.starts_crawls(site),
        ],
        dead=by.undelivered,
    )
    notifier = functions.make(
        "notifier", SMALL, [*access.keeps_ledger(site), *variables], dead=by.untold
    )
    rules = Rules(site, by.undelivered)
    rules.ends(JOBS, site.names.job, job_events, by.people)
    rules.ends(CRAWLS, site.names.crawler, crawler_events, by.people)
    rules.every(RECONCILE_MIN, "Reconcile", reconcile)
    rules.own(notifier)
    tell(site, by, notifier)
    invoked_by(site, "AlertsTopicCalls", notifier, "sns", by.people.topic_arn)


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
