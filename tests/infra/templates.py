"""Templates as their readers see them: what is of a type, what points where, who may do what."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edp.core.contract import Config, parse
from edp.infra import node
from edp.infra.artefacts import Artefacts
from tests.aws.contracts import CHAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

SNAPSHOT = Path(__file__).parent / "snapshots" / "shop.template.json"

SHOP = """
name: shop
runtimes:
  aws:
    region: us-east-2
    source: s3://edp-source-09022025/source_files/
    target: s3://edp-target-09022025/target/
    tags: {team: data}
datasets:
  orders:
    freshness: 24h
    columns:
      order_id: {type: bigint}
      card: {type: string, mask: sha256}
alerts:
  pagerduty: {routing_key: "${PAGERDUTY_ROUTING_KEY}"}
"""
BARE = """
name: bare
runtimes:
  aws:
    region: eu-central-1
    source: s3://there-already/in/
    target: s3://there-already/out/
    engine: lambda
    catalog: direct
    adopt: [source, target, work, ledger]
    encryption: own-key
"""
"""All that can be chosen otherwise."""
RENAMED = "other-name"
"""`shop` under another name."""
ARTEFACTS = Artefacts(
    functions="functions/0/functions.zip",
    layer="layer/0/layer.zip",
    wheel="edp/0/edp-0-py3-none-any.whl",
    script="glue_job/0/glue_job.py",
    modules=("duckdb==0",),
    runtime="python3.11",
    architecture="x86_64",
)
"""Keys that do not change with the code."""


def contract(text: str) -> Config:
    environ = {
        "PAGERDUTY_ROUTING_KEY": "a-routing-key",
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/a-hook",
        "EDP_MASK_KEY": "a-mask-key",
    }
    return parse(text, environ=environ)


def assembly(factory: pytest.TempPathFactory) -> Path:
    """The folder of all templates, synthesised once for all the processes of a test run."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    out, done = base / "cdk", base / "cdk.done"
    with (base / "cdk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            synthesise(out)
            done.touch()
    return out


def synthesise(out: Path) -> dict[str, Template]:
    """Every stack in one app, under the rules of cdk-nag; by name."""
    node.prepare()
    import aws_cdk as cdk  # noqa: PLC0415 (only now does it know its Node)
    from cdk_nag import AwsSolutionsChecks  # noqa: PLC0415 (as above)

    from edp.infra.stack.pipeline import build  # noqa: PLC0415 (as above)

    app = cdk.App(outdir=str(out), analytics_reporting=False)
    stacks = {"shop": SHOP, "bare": BARE, RENAMED: SHOP.replace("shop", RENAMED), **CHAIN}
    for text in stacks.values():
        build(app, contract(text), ARTEFACTS)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))
    app.synth()
    return {name: Template.read(out / f"{name}.template.json") for name in stacks}


@dataclass(frozen=True)
class Template:
    """A template's resources by logical id."""

    whole: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Template:
        return cls(json.loads(path.read_text("utf-8")))

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of every resource of a type, such as `SQS::Queue`."""
        return {
            title: one.get("Properties", {})
            for title, one in self.whole["Resources"].items()
            if one["Type"] == f"AWS::{kind}"
        }

    def one(self, kind: str, **properties: object) -> str:
        """The logical id of the only resource of a type whose properties are these."""
        (found,) = [
            title
            for title, given in self.of(kind).items()
            if all(given.get(name) == value for name, value in properties.items())
        ]
        return found

    def properties(self, title: str) -> dict[str, Any]:
        given: dict[str, Any] = self.whole["Resources"][title]["Properties"]
        return given

    def function(self, module: str) -> str:
        return self.one("Lambda::Function", Handler=f"edp.lambdas.{module}.handler")

    def statements(self, title: str) -> Iterator[tuple[dict[str, Any], list[str], list[str]]]:
        """Each statement of a function's role, or of a role: itself, actions, resources."""
        given = self.properties(title)
        if "Role" in given:
            given = self.properties(points(given["Role"]))
        for policy in given.get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield statement, listed(statement["Action"]), [*map(shown, _many(statement))]

    def may(self, title: str, action: str) -> set[str]:
        """The resources that a function, or a role, may do something to."""
        return {
            one
            for _, actions, resources in self.statements(title)
            if action in actions
            for one in resources
        }


def _many(statement: Mapping[str, Any]) -> list[Any]:
    found = statement["Resource"]
    return found if isinstance(found, list) else [found]


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def points(value: Mapping[str, Any]) -> str:
    """The logical id that a value refers to."""
    title: str = value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]
    return title


def shown(value: Any) -> str:  # noqa: ANN401 (anything that a template holds)
    """A value in one line, as a person would write it."""
    if not isinstance(value, dict):
        return str(value)
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": text}:
            return str(text)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(shown, parts))
        case _:
            return json.dumps(value)


def main() -> None:
    """Write the snapshot anew."""
    import tempfile  # noqa: PLC0415 (only here)

    with tempfile.TemporaryDirectory() as folder:
        made = synthesise(Path(folder))["shop"]
    SNAPSHOT.write_text(json.dumps(made.whole, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
