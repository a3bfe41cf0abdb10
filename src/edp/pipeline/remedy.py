"""What to do about dead letters: advice for a person, and what to type."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

RUN = "edp run --until-idle"


@dataclass(frozen=True)
class Remedy:
    """`advice` names the way out, `command` is its last step."""

    advice: str
    command: str


def remedy(
    code: str, cause_id: str, *, key: str | None = None, dataset: str | None = None
) -> Remedy:
    """The way out for dead letters with this code; `key` is the file of one of them.

    >>> remedy("unreadable file", "4f1d", key="orders/a b.csv", dataset="orders").command
    "edp ingest 'a b.csv' --dataset orders"
    """
    redriven = f"edp dlq redrive --cause {cause_id}"
    match code:
        case "unreadable file" | "object missing" | "bad key":
            name = (key or "").removeprefix(f"{dataset}/")
            if dataset and code != "bad key" and f"{dataset}/{name}" == key and "/" not in name:
                put = f"edp ingest {shlex.quote(name)} --dataset {dataset}"
                return Remedy("put the right file, or `edp dlq discard` it", put)
            shown = f"edp dlq show --cause {cause_id}"
            return Remedy("put the right file, or `edp dlq discard` it", shown)
        case "bad message" | "foreign bucket":
            shown = f"edp dlq show --cause {cause_id}"
            return Remedy("mend what sends it, then `edp dlq discard` it", shown)
        case "no dataset" | "reject limit exceeded":
            return Remedy(f"change edp.yaml, then `{redriven}`", f"{redriven} && {RUN}")
        case _:
            return Remedy(f"`{redriven}`", f"{redriven} && {RUN}")
