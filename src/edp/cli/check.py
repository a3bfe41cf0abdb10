"""Commands that look for what is wrong: audit, doctor."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edp.cli.context import Json, Runtime, State, workspace
from edp.cli.show import counted, print_json, print_table, say

if TYPE_CHECKING:
    from edp.pipeline.audit import Audit

_MARKS: Final = {"ok": "ok", "warn": "WARN", "fail": "FAIL"}
_SHOWN: Final = 20
"""Findings of one proof that a person is shown."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(audit)
    app.command()(doctor)


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


def doctor(ctx: typer.Context, json: Json = False) -> None:
    """Check this machine and the workspace, or what is deployed, and say how to mend it."""
    from edp.wiring.doctor import examine

    state: State = ctx.obj
    if state.on is Runtime.aws:
        from edp.wiring.doctor.deployed import examine as look_at

        checks = look_at(state.deployed())
    else:
        checks = examine(state.local(), environ=state.environ)
    failed = [check for check in checks if check.status == "fail"]
    if json:
        print_json({"healthy": not failed, "checks": [asdict(check) for check in checks]})
    else:
        print_table(
            ("", "check", "what was seen"),
            [(_MARKS[check.status], check.name, check.seen) for check in checks],
        )
        for check in checks:
            if check.fix:
                say(f"{check.name}: {check.fix}")
        warned = sum(check.status == "warn" for check in checks)
        say(f"{counted(len(failed), 'failure')}, {counted(warned, 'warning')}")
    if failed:
        raise typer.Exit(1)
