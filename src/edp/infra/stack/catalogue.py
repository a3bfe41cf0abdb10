"""The catalog and the way to ask it: Glue's database and crawler, Athena's workgroup."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue

from edp.infra.stack import access
from edp.infra.stack.buckets import RESULTS
from edp.infra.stack.roles import Grant, role
from edp.infra.stack.site import acknowledge, filled

if TYPE_CHECKING:
    from edp.infra.stack.site import Site

LEFT_OUT: Final = ("**/_*", "**/_*/**", "**/.*", "**/*$folder$", "**.crc")
"""What engines leave beside their data."""


def database(site: Site) -> None:
    """Make the database that tables are registered in."""
    glue.CfnDatabase(
        site.stack,
        "Database",
        catalog_id=cdk.Aws.ACCOUNT_ID,
        database_input=glue.CfnDatabase.DatabaseInputProperty(
            name=site.names.database, description=f"Tables of the pipeline {site.names.pipeline}"
        ),
    )


def crawler(site: Site) -> None:
    """Make the crawler, unless tables are registered directly."""
    if site.aws.catalog == "direct":
        return
    allowed = role(site, f"{site.names.crawler}-role", "glue", _grants(site), title="CrawlsRole")
    made = glue.CfnCrawler(
        site.stack,
        "Crawler",
        name=site.names.crawler,
        description="Finds tables and partitions in the target; a function starts it",
        role=allowed.role_arn,
        database_name=site.names.database,
        targets=glue.CfnCrawler.TargetsProperty(
            s3_targets=[
                glue.CfnCrawler.S3TargetProperty(
                    path=str(site.aws.target), exclusions=list(LEFT_OUT)
                )
            ]
        ),
        configuration=_configuration(site),
        recrawl_policy=glue.CfnCrawler.RecrawlPolicyProperty(recrawl_behavior="CRAWL_EVERYTHING"),
        schema_change_policy=glue.CfnCrawler.SchemaChangePolicyProperty(
            update_behavior="UPDATE_IN_DATABASE", delete_behavior="LOG"
        ),
    )
    made.add_resource_dependency(_resource(site, "Database"))
    acknowledge(made, "GL1", "Its log names folders and counts, no rows.")


def _resource(site: Site, title: str) -> cdk.CfnResource:
    found = site.stack.node.find_child(title)
    assert isinstance(found, cdk.CfnResource)
    return found


def _configuration(site: Site) -> str:
    """A table for each folder right below the target, the bucket being level 1."""
    levels = 2 + len([part for part in site.aws.target.prefix.split("/") if part])
    return json.dumps(
        {
            "Version": 1.0,
            "Grouping": {
                "TableGroupingPolicy": "CombineCompatibleSchemas",
                "TableLevelConfiguration": levels,
            },
            "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}},
        }
    )


def _grants(site: Site) -> list[Grant]:
    return [
        *access.reads_target(site),
        *access.keeps_catalog(site),
        # Glue's own policy for its services has both
        Grant(
            ("s3:GetBucketLocation", "s3:GetBucketAcl"),
            (f"arn:${{AWS::Partition}}:s3:::{site.aws.target.bucket}",),
        ),
        Grant(
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
            (site.arn("logs", "log-group:/aws-glue/crawlers*"),),
            why="All crawlers of an account write to one group, which Glue makes and names.",
        ),
    ]


def workgroup(site: Site) -> None:
    """Make the workgroup, which holds every query to the limit of what it may scan."""
    kind = athena.CfnWorkGroup
    sealed = (
        kind.EncryptionConfigurationProperty(encryption_option="SSE_KMS", kms_key=site.key.key_arn)
        if site.key
        else kind.EncryptionConfigurationProperty(encryption_option="SSE_S3")
    )
    kind(
        site.stack,
        "WorkGroup",
        name=site.names.workgroup,
        description=f"Queries over the tables of {site.names.pipeline}",
        recursive_delete_option=True,
        work_group_configuration=kind.WorkGroupConfigurationProperty(
            bytes_scanned_cutoff_per_query=int(site.aws.scan_limit),
            enforce_work_group_configuration=True,
            publish_cloud_watch_metrics_enabled=True,
            engine_version=kind.EngineVersionProperty(
                selected_engine_version="Athena engine version 3"
            ),
            result_configuration=kind.ResultConfigurationProperty(
                output_location=filled(f"s3://{site.names.work}/{RESULTS}"),
                encryption_configuration=sealed,
            ),
        ),
    )
