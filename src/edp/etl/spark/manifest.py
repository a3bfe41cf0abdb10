"""Manifests: a job as lines of JSON, and the result that answers it.

A job's first line says everything but its inputs, which are a line each. A result's first line
says how the job ended; outcomes and staged files follow, a line each. Neither holds the mask key.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from edp.core.contract import Dataset
from edp.core.errors import Failure, RetryableError
from edp.core.files import DataFile, Outcome, ProfileColumn
from edp.core.receipts import Counts
from edp.core.types import Admits
from edp.etl.port import Input, Job, JobResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FORMAT: Final = 1


class UnfitManifest(RetryableError):
    """A manifest that this version did not write, or that is cut short."""

    code = "unfit manifest"


def job_lines(job: Job) -> Iterator[str]:
    """The manifest of `job`."""
    head = {
        "format": FORMAT,
        "run_id": job.run_id,
        "fence": job.fence,
        "dataset": job.dataset,
        "contract": job.contract.model_dump(mode="json", exclude_defaults=True),
        "contract_hash": job.contract.hash(),
        "transform": job.contract.transform_text,
        "workdir": job.workdir,
        "loaded_at": job.loaded_at,
        "live": {name: _admits_json(admits) for name, admits in job.live.items()},
        "fixed": dict(job.fixed),
        "memory": job.memory,
        "threads": job.threads,
        "max_partitions": job.max_partitions,
        "samples": job.samples,
        "inputs": len(job.inputs),
    }
    yield json.dumps(head)
    for one in job.inputs:
        yield json.dumps(asdict(one))


def job_of(lines: Iterable[str], *, mask_key: str) -> Job:
    """The job that a manifest describes.

    Raises: UnfitManifest.
    """
    rows = map(json.loads, lines)
    head = _head(rows)
    contract = Dataset(**head["contract"]).with_transform(head["transform"])
    if contract.hash() != head["contract_hash"]:
        raise UnfitManifest(
            "the manifest's contract reads otherwise here: another version of EDP wrote it; "
            "deploy one version everywhere"
        )
    inputs = [_input(row) for row in rows]
    if len(inputs) != head["inputs"]:
        raise UnfitManifest(f"the manifest has {len(inputs)} inputs instead of {head['inputs']}")
    return Job(
        run_id=head["run_id"],
        fence=head["fence"],
        dataset=head["dataset"],
        contract=contract,
        inputs=inputs,
        workdir=head["workdir"],
        loaded_at=head["loaded_at"],
        live={name: _admits(admits) for name, admits in head["live"].items()},
        fixed=head["fixed"],
        memory=head["memory"],
        threads=head["threads"],
        max_partitions=head["max_partitions"],
        samples=head["samples"],
        mask_key=mask_key,
    )


def _head(rows: Iterator[Any]) -> dict[str, Any]:
    head: dict[str, Any] = next(rows, {})
    if head.get("format") != FORMAT:
        raise UnfitManifest(
            f"a manifest of format {head.get('format')}, and this version reads {FORMAT}"
        )
    return head


def _input(row: dict[str, Any]) -> Input:
    rows = row.pop("rows")
    return Input(**row, rows=None if rows is None else (rows[0], rows[1]))


def result_head(failure: Failure | None) -> str:
    """The first line of a result; with a `failure` nothing that follows counts."""
    ended = None if failure is None else asdict(failure)
    return json.dumps({"format": FORMAT, "failure": ended})


def result_lines(result: JobResult) -> Iterator[str]:
    """The lines for outcomes and staged files."""
    for outcome in result.outcomes:
        yield outcome_line(outcome)
    for file in result.staged:
        yield json.dumps({"staged": asdict(file)})


def outcome_line(outcome: Outcome) -> str:
    """The line for one outcome."""
    body = asdict(outcome)
    body["profile"] = [
        {
            "name": column.name,
            "original": column.original,
            "declared": column.declared,
            "admits": _admits_json(column.admits),
        }
        for column in outcome.profile
    ]
    return json.dumps({"outcome": body})


def result_of(lines: Iterable[str], keys: Sequence[str]) -> JobResult | Failure:
    """The result, its outcomes in the order of `keys`; or why there is none.

    Raises: UnfitManifest, also when a key has no outcome.
    """
    rows = map(json.loads, lines)
    head = _head(rows)
    if head["failure"] is not None:
        return Failure(**head["failure"])
    outcomes: dict[str, Outcome] = {}
    staged: list[DataFile] = []
    for row in rows:
        if "staged" in row:
            staged.append(DataFile(**row["staged"]))
        else:
            outcome = _outcome(row["outcome"])
            outcomes[outcome.key] = outcome
    if missing := [key for key in keys if key not in outcomes]:
        raise UnfitManifest(f"the result says nothing of {len(missing)} inputs, as {missing[0]}")
    return JobResult([outcomes[key] for key in keys], staged)


def _outcome(body: dict[str, Any]) -> Outcome:
    failure = body["failure"]
    return Outcome(
        key=body["key"],
        sha256=body["sha256"],
        size=body["size"],
        counts=Counts(**body["counts"]),
        profile=tuple(
            ProfileColumn(
                column["name"], column["original"], _admits(column["admits"]), column["declared"]
            )
            for column in body["profile"]
        ),
        failure=None if failure is None else Failure(**failure),
        warnings=body["warnings"],
        samples=tuple(body["samples"]),
    )


def _admits_json(admits: Admits) -> dict[str, Any]:
    types = None if admits.types is None else sorted(admits.types)
    return {"types": types, "year_last": admits.year_last}


def _admits(body: dict[str, Any]) -> Admits:
    types = None if body["types"] is None else frozenset(body["types"])
    return Admits(types, body["year_last"])
