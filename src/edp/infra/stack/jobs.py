"""The Glue job: large batches, on Spark, from the same wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_logs as logs

from edp.infra.stack import access
from edp.infra.stack.buckets import TEMPORARY
from edp.infra.stack.functions import LOG_DAYS
from edp.infra.stack.roles import Grant, role
from edp.infra.stack.site import acknowledge, filled

if TYPE_CHECKING:
    from edp.infra.stack.secrets import Secrets
    from edp.infra.stack.site import Site

VERSION: Final = "5.1"
WORKER: Final = "G.1X"
_TIMEOUT_MIN: Final = 120
"""Glue's own default is eight hours."""


def job(site: Site, secrets: Secrets) -> None:
    """Make the job, unless the contract runs everything in Lambda."""
    if site.aws.engine == "lambda":
        return
    log = f"/aws-glue/jobs/{site.names.job}"
    logs.LogGroup(
        site.stack,
        "JobLog",
        log_group_name=log,
        retention=LOG_DAYS,
        encryption_key=site.key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    allowed = role(
        site, f"{site.names.job}-job", "glue", _grants(site, secrets, log), title="JobRole"
    )
    made = glue.CfnJob(
        site.stack,
        "Job",
        name=site.names.job,
        description="Runs large batches: the same engine, its files spread over Spark's tasks",
        role=allowed.role_arn,
        glue_version=VERSION,
        command=glue.CfnJob.JobCommandProperty(
            name="glueetl", python_version="3", script_location=_url(site, site.artefacts.script)
        ),
        worker_type=WORKER,
        number_of_workers=site.aws.workers,
        execution_property=glue.CfnJob.ExecutionPropertyProperty(
            max_concurrent_runs=site.aws.concurrency
        ),
        job_run_queuing_enabled=True,
        max_retries=0,  # the ledger decides whether a batch is tried again, and in which parts
        timeout=_TIMEOUT_MIN,
        default_arguments=_arguments(site, secrets, log),
        security_configuration=_sealed(site),
    )
    _acknowledge(site, made)


def _arguments(site: Site, secrets: Secrets, log: str) -> dict[str, str]:
    modules = ",".join([_url(site, site.artefacts.wheel), *site.artefacts.modules])
    return {
        "--additional-python-modules": modules,
        "--job-bookmark-option": "job-bookmark-disable",  # the manifest says what to read
        "--enable-metrics": "true",
        "--enable-continuous-cloudwatch-log": "true",
        "--continuous-log-logGroup": log,
        "--TempDir": filled(f"s3://{site.names.work}/{TEMPORARY}"),
        **({"--mask-key-secret": secrets.mask_key} if secrets.mask_key else {}),
    }


def _url(site: Site, key: str) -> str:
    return filled(f"s3://{site.names.artefacts}/{key}")


def _grants(site: Site, secrets: Secrets, log: str) -> list[Grant]:
    mask_key = [secrets.mask_key] if secrets.mask_key else []
    return [
        *access.reads_source(site),
        *access.works(site),
        *access.reads_artefacts(site),
        *access.reads_secrets(mask_key),
        Grant(
            ("logs:CreateLogStream", "logs:PutLogEvents"),
            (site.arn("logs", f"log-group:{log}*"),),
            why="Glue makes groups and streams for each run, under the job's own name.",
        ),
        Grant(
            ("cloudwatch:PutMetricData",),
            ("*",),
            why="CloudWatch has no resources to name here; the condition names the namespace.",
            conditions={"StringEquals": {"cloudwatch:namespace": "Glue"}},
        ),
    ]


def _sealed(site: Site) -> str | None:
    if site.key is None:
        return None
    kind, key = glue.CfnSecurityConfiguration, site.key.key_arn
    made = glue.CfnSecurityConfiguration(
        site.stack,
        "JobSecurity",
        name=site.names.job,
        encryption_configuration=kind.EncryptionConfigurationProperty(
            cloud_watch_encryption=kind.CloudWatchEncryptionProperty(
                cloud_watch_encryption_mode="SSE-KMS", kms_key_arn=key
            ),
            job_bookmarks_encryption=kind.JobBookmarksEncryptionProperty(
                job_bookmarks_encryption_mode="CSE-KMS", kms_key_arn=key
            ),
            s3_encryptions=[
                kind.S3EncryptionProperty(s3_encryption_mode="SSE-KMS", kms_key_arn=key)
            ],
        ),
    )
    name: str = made.ref
    return name


def _acknowledge(site: Site, made: glue.CfnJob) -> None:
    if site.key is None:
        own_key = "Logs hold no rows; `encryption: own-key` seals them with a key of one's own."
        acknowledge(made, "GL1", own_key)
        acknowledge(made, "GL3", "The job keeps no bookmarks.")
