"""The CDK app: from a contract to the CloudFormation template that deploys it, without a network.

Node is at work underneath; importing this is slow, and so is the first synthesis in a process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edp.core.errors import ConfigError
from edp.infra import node

if TYPE_CHECKING:
    from pathlib import Path

    from edp.core.contract import Config
    from edp.infra.artefacts import Artefacts


@dataclass(frozen=True)
class Synthesised:
    """A stack's name, where its template lies, and what it says."""

    stack: str
    path: Path
    template: dict[str, Any]


def synthesise(config: Config, artefacts: Artefacts, out: Path) -> Synthesised:
    """Write the template into `out`, a folder that is made.

    Raises: ConfigError when the CDK is not installed, or the contract says nothing of AWS.
    """
    node.prepare()
    import aws_cdk as cdk  # noqa: PLC0415 (only now does it know its Node)

    from edp.infra.stack.pipeline import build  # noqa: PLC0415 (as above)

    # absolute, because Node may have been started in another folder
    app = cdk.App(outdir=str(out.resolve()), analytics_reporting=False)
    build(app, config, artefacts)
    app.synth()
    return read(out, config.name)


def read(out: Path, stack: str) -> Synthesised:
    """What was synthesised into `out`.

    Raises: ConfigError when it is not there.
    """
    path = out / f"{stack}.template.json"
    try:
        return Synthesised(stack, path, json.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such template; `edp synth` writes it") from error
