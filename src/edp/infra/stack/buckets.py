"""Buckets: what comes in, the tables, and the work between; made here, or there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from edp.core.resources import CATALOG, STAGED
from edp.infra.stack.site import acknowledge, filled

if TYPE_CHECKING:
    from edp.infra.stack.site import Site

_LOGS_DAYS: Final = 90
_SCRATCH_DAYS: Final = 7
"""Staged files and query results: longer than any run or reader."""
RESULTS: Final = "athena/"
TEMPORARY: Final = "temporary/"
SCRATCH: Final = (STAGED, RESULTS, TEMPORARY)
"""Prefixes of the work bucket whose objects are used up."""


@dataclass(frozen=True)
class Buckets:
    """The made buckets, None where one was there already."""

    source: s3.CfnBucket | None
    target: s3.CfnBucket | None


def buckets(site: Site) -> Buckets:
    """Make the buckets that the contract does not adopt."""
    logs = _logs(site)
    adopted = site.aws.adopt
    if "work" not in adopted:
        scratch = [
            s3.LifecycleRule(prefix=prefix, expiration=cdk.Duration.days(_SCRATCH_DAYS))
            for prefix in SCRATCH
        ]
        # each commit leaves the object of the one before; versions of it would add up
        scratch += [
            s3.LifecycleRule(
                prefix=prefix, noncurrent_version_expiration=cdk.Duration.days(_SCRATCH_DAYS)
            )
            for prefix in (STAGED, CATALOG)
        ]
        _bucket(site, "WorkBucket", site.names.work, logs, rules=scratch)
    source = None
    if "source" not in adopted:
        source = _bucket(site, "SourceBucket", site.aws.source.bucket, logs)
    target = None
    if "target" not in adopted and site.aws.target.bucket != site.aws.source.bucket:
        target = _bucket(site, "TargetBucket", site.aws.target.bucket, logs)
    return Buckets(source, target)


def _bucket(
    site: Site,
    title: str,
    name: str,
    logs: s3.Bucket,
    rules: list[s3.LifecycleRule] | None = None,
) -> s3.CfnBucket:
    made = s3.Bucket(
        site.stack,
        title,
        bucket_name=filled(name),
        versioned=True,
        enforce_ssl=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        server_access_logs_bucket=logs,
        server_access_logs_prefix=f"{title}/",
        lifecycle_rules=[_tidy(), *(rules or ())],
        removal_policy=cdk.RemovalPolicy.RETAIN,
        **_sealed(site),
    )
    return cast("s3.CfnBucket", made.node.default_child)


def _tidy() -> s3.LifecycleRule:
    """Overwritten versions may still be asked for by a redrive; half an upload is of no use."""
    return s3.LifecycleRule(
        abort_incomplete_multipart_upload_after=cdk.Duration.days(_SCRATCH_DAYS),
        noncurrent_version_expiration=cdk.Duration.days(_LOGS_DAYS),
    )


def _logs(site: Site) -> s3.Bucket:
    made = s3.Bucket(
        site.stack,
        "AccessLogs",
        encryption=s3.BucketEncryption.S3_MANAGED,  # the only one that log delivery can write to
        enforce_ssl=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(_LOGS_DAYS))],
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    acknowledge(made, "S1", "It holds the access logs of the others; its own would log themselves.")
    return made


def _sealed(site: Site) -> dict[str, Any]:
    if site.key is None:
        return {"encryption": s3.BucketEncryption.S3_MANAGED}
    return {
        "encryption": s3.BucketEncryption.KMS,
        "encryption_key": site.key,
        "bucket_key_enabled": True,
    }
