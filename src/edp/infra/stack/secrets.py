"""Secrets: entries without a value, because a template is no place for one; `edp deploy` sets it.

variables   what `${NAME}` stands for in edp.yaml, as JSON
mask-key    what masked columns are hashed with
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_secretsmanager as secretsmanager

from edp.infra.stack.site import acknowledge

if TYPE_CHECKING:
    from edp.infra.stack.site import Site


@dataclass(frozen=True)
class Secrets:
    """ARNs; `mask_key` is empty where no column is hashed."""

    variables: str
    mask_key: str

    @property
    def all(self) -> list[str]:
        """Those that there are."""
        return [one for one in (self.variables, self.mask_key) if one]


def secrets(site: Site) -> Secrets:
    """Make the entries that the contract needs."""
    hashed = any(
        column.mask == "sha256"
        for dataset in site.config.datasets.values()
        for column in dataset.columns.values()
    )
    variables = _entry(
        site,
        "Variables",
        "variables",
        "What ${NAME} stands for in edp.yaml, as JSON",
        "PagerDuty and Slack have to give another key, and nothing can do so for them.",
    )
    mask_key = ""
    if hashed:
        mask_key = _entry(
            site,
            "MaskKey",
            "mask-key",
            "What masked columns are hashed with",
            "Another key would hash the same value otherwise, and joins would find nothing.",
        )
    return Secrets(variables, mask_key)


def _entry(site: Site, title: str, name: str, text: str, unrotated: str) -> str:
    made = secretsmanager.CfnSecret(
        site.stack,
        title,
        name=f"{site.names.pipeline}/{name}",
        description=text,
        kms_key_id=site.key.key_arn if site.key else None,
    )
    acknowledge(made, "SMG4", f"It is not rotated: {unrotated}")
    arn: str = made.ref  # with the random end that Secrets Manager gives it
    return arn
