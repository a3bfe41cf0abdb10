"""What a workspace may have wrong: each check judges values that `probing` has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.core.contract import Csv
from edp.core.errors import StoreUnavailable
from edp.wiring.doctor.checks import Check, count, fail, ok, size, warn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from edp.core.contract import Config
    from edp.core.errors import EdpError
    from edp.core.holder import Holder

_MANY: Final = 5
"""Names that a line tells; of more only the number."""


@dataclass(frozen=True)
class Folder:
    """A folder or file of the workspace: whether this process may do what it has to with it.

    `owner` is a user's number; `may` is false where it cannot be read and written.
    """

    path: str
    may: bool
    owner: int


def contract(wrong: EdpError | None, datasets: int | None) -> Check:
    """The contract, read and compiled; `datasets` is None where there is no edp.yaml."""
    if wrong is not None:
        seen = "; ".join(str(wrong).splitlines())
        return fail("contract", seen, "mend edp.yaml; `edp validate` checks it")
    if datasets is None:
        return ok("contract", "no edp.yaml: each folder of the source is a dataset, types inferred")
    return ok("contract", f"{count(datasets, 'dataset')}, all of it compiles")


def environment(named: Mapping[str, bool], there: Collection[str], *, open_dotenv: bool) -> Check:
    """Variables that edp.yaml names, and whether each has a default; `there` are those set.

    `open_dotenv` says that others than the owner may read `.env`.
    """
    unset = [name for name in named if name not in there]
    without = [name for name in unset if not named[name]]
    if without:
        fix = "set it in the environment or in .env, or write ${NAME:-default}"
        return fail("environment", f"not set: {_some(without)}", fix)
    if open_dotenv:
        return warn("environment", "others may read .env", "chmod 600 .env")
    if unset:
        return ok("environment", f"not set, so the default counts: {_some(unset)}")
    return ok("environment", f"{count(len(named), 'variable')} of edp.yaml, all set")


def settings(config: Config) -> Check:
    """Settings that are given, and change nothing."""
    idle = list(_idle(config))
    if not idle:
        return ok("settings", "all that are given are in effect")
    return warn("settings", "; ".join(idle), "take them out, so that nobody counts on them")


def _idle(config: Config) -> Iterator[str]:
    if config.runtimes.aws is not None:
        yield "runtimes.aws: this version runs on one machine; only replay reads its `source`"
    paths: dict[str, str] = {}
    for name, dataset in config.datasets.items():
        if dataset.path in paths:
            yield f"datasets.{name}: {paths[dataset.path]} has the same path, and takes its files"
        paths.setdefault(dataset.path, name)
        if dataset.format in ("json", "parquet") and dataset.csv != Csv():
            yield f"datasets.{name}.csv: its format is {dataset.format}"


def state(wrong: EdpError | None, schema: int | None, known: int, damage: Sequence[str]) -> Check:
    """The state: what opening it said, its schema beside this version's, what quick_check found."""
    if isinstance(wrong, StoreUnavailable):
        return fail("state", str(wrong), "mend the disk or the rights first; it may be whole")
    if wrong is not None:
        return fail("state", str(wrong), "`edp rebuild`, or put a backup in its place")
    if schema is None:
        return ok("state", "none yet; the first command makes it")
    if damage:
        seen = f"state.db is damaged: {damage[0]}"
        return fail("state", seen, "stop what is at work, then `edp rebuild`")
    if schema > known:
        return fail("state", f"its schema is {schema}, this EDP knows {known}", "upgrade EDP")
    if schema < known:
        return ok("state", f"its schema is {schema}; the next command brings it up to {known}")
    return ok("state", f"sound, schema {schema}")


def commits(records: int, damages: Sequence[str]) -> Check:
    """The commits written down beside the state: how many could be read, and what could not."""
    if damages:
        fix = "move lake/commits away while nobody works; the next commit writes all down anew"
        return fail("commits", f"cannot be read: {'; '.join(damages[:_MANY])}", fix)
    return ok("commits", f"{count(records, 'record')} can be read")


def holder(found: Holder | None) -> Check:
    """Who works the workspace."""
    if found is None:
        return ok("worker", "nobody works the workspace")
    if found.paused:
        return warn("worker", f"{found} pauses: {found.paused}", "mend that; it goes on by itself")
    return ok("worker", f"{found} works it")


def permissions(folders: Sequence[Folder], user: int) -> Check:
    """Whether `user` may do what it has to, and is the one that the files belong to."""
    barred = [one.path for one in folders if not one.may]
    owners = {one.owner for one in folders}
    if barred:
        seen = f"user {user} may not read and write {_some(barred)}"
        return fail("permissions", seen, f"chown -R {user} them, or run EDP as their owner")
    if owners and owners != {user}:
        others = ", ".join(map(str, sorted(owners - {user})))
        seen = f"this is user {user}, and files belong to user {others}"
        return warn(
            "permissions", seen, "run EDP as one user, always: others cannot write its files"
        )
    return ok("permissions", f"user {user} may read and write everything")


def data(files: int, wrong: Mapping[str, str]) -> Check:
    """Data files that the catalog names, and what is wrong with some of them."""
    if wrong:
        told = [f"{path} {why}" for path, why in wrong.items()]
        fix = "put them back from a backup, or backfill their files; `edp audit` names which"
        return fail("data files", _some(told), fix)
    return ok("data files", f"{count(files, 'file')}, all there with the size they should have")


def letters(causes: Mapping[str, int]) -> Check:
    """Dead letters, by cause."""
    n = sum(causes.values())
    if n:
        seen = f"{count(n, 'dead letter')} of {count(len(causes), 'cause')}"
        return warn("dead letters", seen, "`edp dlq list` tells the causes and what to do")
    return ok("dead letters", "none")


def leftovers(stale: Mapping[str, int], asides: Mapping[str, int]) -> Check:
    """What killed processes left in `.work`, and states that a rebuild moved aside, in bytes."""
    if stale:
        seen = f"{count(len(stale), 'leftover')} in .work, {size(sum(stale.values()))}"
        return warn("leftovers", seen, "`edp run --until-idle` removes them")
    if asides:
        seen = f"{_some(sorted(asides))}, {size(sum(asides.values()))}"
        return warn(
            "leftovers", seen, "states that a rebuild moved aside: delete them when all is well"
        )
    return ok("leftovers", "none")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more
