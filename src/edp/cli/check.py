"""Commands that look for what is wrong: audit."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edp.cli.context import Json, workspace
from edp.cli.show import counted, print_json, print_table, say

if TYPE_CHECKING:
    from edp.pipeline.audit import Audit

_SHOWN: Final = 20
"""Findings of one proof that a person is shown."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(audit)


def audit(
    ctx: typer.Context,
    deep: Annotated[
        bool, typer.Option(help="Read every data file: compare its SHA-256, count its rows.")
    ] = False,
    json: Json = False,
) -> None:
    """Prove that nothing is lost, nothing is there twice, and every row is counted."""
    from edp.pipeline.audit import audit as sentence

    found = sentence(workspace(ctx), deep=deep)
    if json:
        proofs = [asdict(proof) | {"holds": proof.holds} for proof in found.proofs]
        print_json({"holds": found.holds, "deep": found.deep, "proofs": proofs})
    else:
        _tell(found)
    if not found.holds:
        raise typer.Exit(1)


def _tell(found: Audit) -> None:
    print_table(
        ("proof", "checked", "holds", "what it promises"),
        [
            (proof.name, proof.checked, "yes" if proof.holds else "NO", proof.promise)
            for proof in found.proofs
        ],
        right=("checked",),
    )
    for proof in found.proofs:
        for one in proof.findings[:_SHOWN]:
            say(f"{proof.name}: {one.subject}: {one.problem}; {one.fix}")
        if len(proof.findings) > _SHOWN:
            say(f"{proof.name}: {len(proof.findings) - _SHOWN} more; --json has them all")
    findings = sum(len(proof.findings) for proof in found.proofs)
    say("everything holds" if found.holds else counted(findings, "finding"))
