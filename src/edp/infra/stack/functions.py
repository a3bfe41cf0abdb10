"""Functions: each with its role, its log, and a queue for what it failed to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from edp.core.resources import FUNCTIONS
from edp.infra.stack.roles import Grant, role
from edp.infra.stack.site import acknowledge, filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_sqs as sqs

    from edp.infra.stack.site import Site
    from edp.infra.stack.sizes import Size

MASK_KEY: Final = "EDP_MASK_KEY_SECRET"
LOG_DAYS: Final = logs.RetentionDays.ONE_MONTH


class Functions:
    """Makes functions of one package and one layer."""

    def __init__(self, site: Site, environment: Mapping[str, str]) -> None:
        self._site = site
        self._environment = {name: filled(value) for name, value in environment.items()}
        self._code = s3.Bucket.from_bucket_name(
            site.stack, "Artefacts", filled(site.names.artefacts)
        )
        architecture = lambda_.Architecture.custom(site.artefacts.architecture)
        self._runtime = lambda_.Runtime(site.artefacts.runtime, lambda_.RuntimeFamily.PYTHON)
        self._layer = lambda_.LayerVersion(
            site.stack,
            "Packages",
            layer_version_name=f"{site.names.pipeline}-packages",
            code=lambda_.Code.from_bucket(self._code, site.artefacts.layer),
            compatible_architectures=[architecture],
            compatible_runtimes=[self._runtime],
            description="What the handlers import, as it was installed where this was built",
        )
        self._architecture = architecture

    def make(
        self,
        module: str,
        size: Size,
        grants: Sequence[Grant],
        *,
        dead: sqs.Queue | None,
        hashes: bool = False,
    ) -> lambda_.Function:
        """The function of `edp.lambdas.<module>`; what is sent to it and fails goes to `dead`.

        Only one that `hashes` is told where the mask key is.
        """
        site, name = self._site, self._site.names.function(module)
        title = "".join(word.title() for word in module.split("_"))
        log = logs.LogGroup(
            site.stack,
            f"{title}Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=LOG_DAYS,
            encryption_key=site.key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        given = [*grants, *self._always(name)]
        if dead is not None:
            given.append(Grant(("sqs:SendMessage",), (dead.queue_arn,)))
        made = lambda_.Function(
            site.stack,
            f"{title}Function",
            function_name=name,
            description=FUNCTIONS[module],
            handler=f"edp.lambdas.{module}.handler",
            code=lambda_.Code.from_bucket(self._code, site.artefacts.functions),
            layers=[self._layer],
            runtime=self._runtime,
            architecture=self._architecture,
            memory_size=size.memory,
            ephemeral_storage_size=cdk.Size.mebibytes(size.disk),
            timeout=cdk.Duration.seconds(size.timeout_s),
            environment=self._environment | ({} if hashes else {MASK_KEY: ""}),
            environment_encryption=site.key,
            role=role(site, name, "lambda", given, title=f"{title}Role").without_policy_updates(),
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
            dead_letter_queue=dead,
        )
        acknowledge(
            made, "L1", "It runs on the Python that the layer's packages were installed for."
        )
        return made

    def _always(self, name: str) -> list[Grant]:
        log = self._site.arn("logs", f"log-group:/aws/lambda/{name}:*")
        return [
            Grant(
                ("logs:CreateLogStream", "logs:PutLogEvents"),
                (log,),
                why="Lambda makes a stream for each instance, in the function's own group.",
            ),
            Grant(
                ("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
                ("*",),
                why="X-Ray has no resources to name.",
            ),
        ]


def invoked_by(
    site: Site, title: str, function: lambda_.Function, service: str, source: str
) -> None:
    """Let a rule or topic of this account, by its ARN, call the function."""
    lambda_.CfnPermission(
        site.stack,
        title,
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal=f"{service}.amazonaws.com",
        source_account=cdk.Aws.ACCOUNT_ID,
        source_arn=source,
    )
