"""A deployment: code into the artefacts' bucket, then the stack, then what no template may hold.

Each step may be done again; what is there already is left. Nothing is deployed whose code is not
in this EDP.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from edp.core.contract import mask_key, references, variables
from edp.core.errors import ConfigError
from edp.core.resources import NO_AWS, Names
from edp.infra import app, artefacts, functions
from edp.infra.functions import CONTRACT
from edp.infra.stacks import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from edp.core.contract import Config, S3Url
    from edp.core.contract.runtimes import Aws
    from edp.infra.account import Account
    from edp.infra.stacks import Change

_MISSING: Final = frozenset({"404", "NoSuchBucket", "NoSuchKey", "NotFound"})
_NO_REGION_TO_NAME: Final = "us-east-1"
"""Where S3 takes no location for a new bucket."""


@dataclass(frozen=True)
class Deployment:
    """A workspace's pipeline and the account that it is to be in; `tell` hears of each step."""

    config: Config
    workspace: Path
    account: Account
    environ: Mapping[str, str]
    tell: Callable[[str], None]

    def diff(self, out: Path) -> tuple[Change, ...]:
        """What `deploy` would change; afterwards the account's stack is as it was."""
        stack = self._stack()
        plan = stack.plan(self._template(out), self._tags())
        if plan.changes:
            stack.forget(plan)
        return plan.changes

    def deploy(self, out: Path) -> dict[str, str]:
        """Put the pipeline there, or make it what the contract says now; the stack's outputs.

        Raises: ConfigError where this EDP lacks a handler, or CloudFormation rolled back.
        """
        if missing := functions.missing():
            raise ConfigError(
                f"this EDP has no {', '.join(missing)}: their functions could not start, so "
                "nothing was deployed; `edp synth` shows the template"
            )
        stack = self._stack()
        plan = stack.plan(self._template(out), self._tags())
        if plan.changes:
            outputs = stack.carry_out(plan)
        else:
            self.tell("the stack is up to date")
            there = stack.described() or {}
            outputs = {one["OutputKey"]: one["OutputValue"] for one in there.get("Outputs", ())}
        self._keep_secrets()
        self._hook()
        return outputs

    def destroy(self) -> list[str]:
        """Delete the stack; the names of the buckets and of the table that stay."""
        aws, names = self._aws, self._names
        self._unhook()
        self._stack().delete()
        kept = (aws.source.bucket, aws.target.bucket, names.work, names.artefacts, names.ledger)
        return list(dict.fromkeys(self.account.filled(name) for name in kept))

    @property
    def _aws(self) -> Aws:
        if self.config.runtimes.aws is None:
            raise ConfigError(NO_AWS)
        return self.config.runtimes.aws

    @property
    def _names(self) -> Names:
        return Names(self.config.name)

    def _stack(self) -> Stack:
        return Stack(self.account.service("cloudformation"), self.config.name, self.tell)

    def _tags(self) -> dict[str, str]:
        return {"edp:pipeline": self.config.name, **self._aws.tags}

    # --- code ---------------------------------------------------------------------------------

    def _template(self, out: Path) -> str:
        """The URL of the template, with all that it refers to beside it."""
        folder = out / "artefacts"
        made = artefacts.stage(self.config, self.workspace, folder)
        artefacts.complete(made, folder)
        synthesised = app.synthesise(self.config, made, out)
        bucket = self._bucket()
        for key in made.keys:
            self._upload(folder / key, bucket, key)
        # without white space: CloudFormation takes templates up to 1 MB
        text = json.dumps(synthesised.template, separators=(",", ":"))
        key = f"templates/{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        self.account.service("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
        return self.account.url(bucket, key)

    def _bucket(self) -> str:
        """The artefacts' bucket, made where it is not there."""
        s3, name = self.account.service("s3"), self.account.filled(self._names.artefacts)
        if _there(lambda: s3.head_bucket(Bucket=name, ExpectedBucketOwner=self.account.number)):
            return name
        self.tell(f"making the bucket {name}")
        place = {"LocationConstraint": self.account.region}
        region = {} if self.account.region == _NO_REGION_TO_NAME else place
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": region} if region else {}))
        closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration=dict.fromkeys((*closed, "RestrictPublicBuckets"), True),
        )
        return name

    def _upload(self, path: Path, bucket: str, key: str) -> None:
        s3 = self.account.service("s3")
        if not _there(lambda: s3.head_object(Bucket=bucket, Key=key)):
            self.tell(f"uploading {key}  {path.stat().st_size:,} bytes")
            s3.upload_file(str(path), bucket, key)

    # --- secrets ------------------------------------------------------------------------------

    def _keep_secrets(self) -> None:
        """Give the stack's empty secrets their values."""
        path = self.workspace / CONTRACT
        known = {**variables(path), **self.environ}
        named = {name for name, _ in references(path.read_text("utf-8"))}
        told = {name: known[name] for name in sorted(named & known.keys())}
        self._keep("variables", json.dumps(told))
        if self._hashed():
            self._keep("mask-key", mask_key(path, self.environ))

    def _hashed(self) -> bool:
        columns = (c for d in self.config.datasets.values() for c in d.columns.values())
        return any(column.mask == "sha256" for column in columns)

    def _keep(self, entry: str, value: str) -> None:
        secrets, name = self.account.service("secretsmanager"), f"{self.config.name}/{entry}"
        try:
            before = secrets.get_secret_value(SecretId=name)["SecretString"]
        except ClientError:  # it has no value yet
            before = None
        if value != before:
            self.tell(f"setting the secret {name}")
            secrets.put_secret_value(SecretId=name, SecretString=value)

    # --- buckets that were there before -------------------------------------------------------

    def _hook(self) -> None:
        """Have adopted buckets tell of new objects, beside whatever else they tell."""
        aws = self._aws
        if "source" in aws.adopt:
            told = {"TopicArn": self.account.arn("sns", self._names.source_topic)}
            self._notify(aws.source, "source", "TopicConfigurations", told)
        if "target" in aws.adopt:
            told = {"QueueArn": self.account.arn("sqs", self._names.crawl_queue)}
            self._notify(aws.target, "target", "QueueConfigurations", told, suffix=".parquet")

    def _unhook(self) -> None:
        aws = self._aws
        if "source" in aws.adopt:
            self._notify(aws.source, "source", "TopicConfigurations", None)
        if "target" in aws.adopt:
            self._notify(aws.target, "target", "QueueConfigurations", None)

    def _notify(
        self,
        place: S3Url,
        what: str,
        kind: str,
        told: dict[str, str] | None,
        suffix: str = "",
    ) -> None:
        """Replace what this pipeline had set in the bucket's notifications, and nothing else."""
        s3, mine = self.account.service("s3"), f"edp-{self.config.name}-{what}"
        there = s3.get_bucket_notification_configuration(Bucket=place.bucket)
        there.pop("ResponseMetadata", None)
        others = [one for one in there.get(kind, ()) if one["Id"] != mine]
        if told is not None:
            given = {"prefix": place.prefix, "suffix": suffix}
            rules = [{"Name": name, "Value": value} for name, value in given.items() if value]
            asked = {"Id": mine, "Events": ["s3:ObjectCreated:*"], **told}
            others.append(asked | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {}))
        self.tell(f"setting the notifications of {place.bucket}")
        s3.put_bucket_notification_configuration(
            Bucket=place.bucket, NotificationConfiguration={**there, kind: others}
        )


def _there(look: Callable[[], object]) -> bool:
    try:
        look()
    except ClientError as error:
        if str(error.response["Error"]["Code"]) in _MISSING:
            return False
        raise
    return True
