"""The command that says what the pipeline costs on AWS."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from edp.cli.context import Json, Runtime, State, workspace
from edp.cli.show import counted, print_json, print_table, say
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edp.core.contract import Config
    from edp.infra.cost.estimate import Design, Estimate, Saving
    from edp.infra.cost.profile import Profile

_NAMED: Final = 3
"""Services that most of it goes to."""
_CENT: Final = Decimal("0.005")
"""What a month shows as one."""
_MILLIONTH: Final = Decimal("0.000001")
_MUCH: Final = 100
"""From here on a quantity is shown in whole units."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(cost)


Files = Annotated[float | None, typer.Option(min=0, help="Files a day.")]
FileSize = Annotated[str | None, typer.Option("--size", help="Bytes of a file, as 1MB.")]
Together = Annotated[int | None, typer.Option(min=1, help="Files that come at once.")]
Parts = Annotated[int | None, typer.Option(min=1, help="Parquet files that a run writes.")]
Queries = Annotated[float | None, typer.Option(min=0, help="Queries a day.")]
Scan = Annotated[str | None, typer.Option(help="Bytes that a query scans, as 100MB.")]


def cost(
    ctx: typer.Context,
    files: Files = None,
    size: FileSize = None,
    together: Together = None,
    parts: Parts = None,
    queries: Queries = None,
    scan: Scan = None,
    json: Json = False,
) -> None:
    """Estimate what this workspace's pipeline costs on AWS, and say what would lower it."""
    from edp.core.contract import load
    from edp.core.resources import NO_AWS
    from edp.infra.cost import estimate as of

    state: State = ctx.obj
    config = load(state.path / "edp.yaml", environ=state.environ)
    aws = config.runtimes.aws
    if aws is None:
        raise ConfigError(NO_AWS)
    given = {
        "files": None if files is None else Decimal(str(files)),
        "size": _bytes("--size", size),
        "together": together,
        "parts": parts,
        "queries": None if queries is None else Decimal(str(queries)),
        "scan": _bytes("--scan", scan),
    }
    profile = _profile(ctx, config, {k: v for k, v in given.items() if v is not None})
    made, others = of.estimate(config, aws, profile), of.savings(config, aws, profile)
    if json:
        print_json(_told(made, others, of.designs()))
    else:
        _show(config.name, made, others, of.designs())


def _bytes(option: str, text: str | None) -> int | None:
    from pydantic_core import PydanticCustomError

    from edp.core.contract.units import size

    try:
        return None if text is None else size(text)
    except PydanticCustomError as error:
        raise ConfigError(f"{option} {text}: {error}") from error


def _profile(ctx: typer.Context, config: Config, given: Mapping[str, Any]) -> Profile:
    """What is given; the rest as this workspace has seen it, or assumed where it has seen none."""
    from edp.infra.cost.profile import Profile

    found = _seen(ctx, config) or Profile()
    if not given:
        return found
    source = "given" if {"files", "size"} <= given.keys() else f"given, the rest {found.source}"
    return replace(found, **given, source=source)


def _seen(ctx: typer.Context, config: Config) -> Profile | None:
    from edp.infra.cost.profile import seen

    state: State = ctx.obj
    there = state.path / config.runtimes.local.root / "state.db"
    if state.on is Runtime.local and not there.exists():
        return None
    receipts = workspace(ctx).stages.receipts
    return seen(receipts.receipts(), receipts.runs())


# --- for people -----------------------------------------------------------------------------------


def _show(name: str, made: Estimate, others: list[Saving], designs: list[Design]) -> None:
    from edp.infra.cost.prices import AS_OF, CHECK, REGION

    profile, batches = made.profile, made.batches
    say(
        f"{name} on AWS, estimated: {_quantity(profile.files)} files a day of "
        f"{profile.size / 1e6:,.6g} MB ({profile.source}), {_quantity(profile.queries)} queries."
    )
    where = "by the Glue job" if batches.spark else "in a function"
    say(
        f"A run takes {counted(round(batches.files), 'file')}, {where}: "
        f"{_quantity(batches.runs)} runs a day."
    )
    print_table(
        ("service", "for", "a day", "unit", "price", "$ a day", "$ a month", "$ 1,000 files"),
        [*_rows(made), _sum(made)],
        right=("a day", "price", "$ a day", "$ a month", "$ 1,000 files"),
        spare=("unit", "$ a day", "price"),
    )
    say(f"${made.fixed:.2f} of a month is there without a file and a query.")
    most = ", ".join(f"{share:.0%} {service}" for service, share in made.shares[:_NAMED])
    say(f"By service: {most}.")
    if others:
        print_table(
            ("it would be less with, one after the other", "$ a month", "but"),
            [(one.setting, f"{one.month:,.2f}", one.but) for one in others],
            right=("$ a month",),
        )
    print_table(
        ("the same chain, without what is fixed", "$ 1,000 files"),
        [
            *((one.name, f"{one.thousand:,.4f}") for one in designs),
            ("this contract, for these files", _money(made.thousand)),
        ],
        right=("$ 1,000 files",),
    )
    say(
        f"List prices of {REGION}, {AS_OF}, without free tiers and taxes: check them, {CHECK}. "
        "How long functions, jobs and crawls take is assumed."
    )


def _rows(made: Estimate) -> Iterator[tuple[object, ...]]:
    """A row for each line that a month shows; the rest in one."""
    shown = [line for line in made.lines if line.usd * made.days >= _CENT]
    rest = made.day - sum((line.usd for line in shown), Decimal(0))
    for line in sorted(shown, key=lambda one: -one.usd):
        price, thousand = line.price, None if line.fixed else made.per_thousand(line.usd)
        each = f"{price.usd} / {price.per:,}" if price.per > 1 else f"{price.usd}"
        cells = (price.service, line.what, _quantity(line.quantity), price.unit, each)
        yield (*cells, *_per_day_and_month(made, line.usd), _money(thousand))
    if rest:
        what = f"{counted(len(made.lines) - len(shown), 'line')} below a cent"
        yield "", what, "", "", "", *_per_day_and_month(made, rest), None


def _per_day_and_month(made: Estimate, usd: Decimal) -> tuple[str, str]:
    return f"{usd:,.4f}", f"{usd * made.days:,.2f}"


def _sum(made: Estimate) -> tuple[object, ...]:
    whole = _per_day_and_month(made, made.day)
    return "all", "", "", "", "", *whole, _money(made.per_thousand(made.day))


def _money(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:,.4f}"


def _quantity(n: Decimal) -> str:
    return f"{n:,.0f}" if n >= _MUCH or n == int(n) else f"{n:.3g}"


# --- for scripts ----------------------------------------------------------------------------------


def _told(made: Estimate, others: list[Saving], designs: list[Design]) -> dict[str, object]:
    from edp.infra.cost.prices import AS_OF, CHECK, REGION

    return {
        "profile": vars(made.profile),
        "batches": vars(made.batches),
        "prices": {"region": REGION, "as_of": AS_OF, "check": CHECK, "currency": "USD"},
        "lines": [
            {
                "service": line.price.service,
                "for": line.what,
                "quantity": line.quantity,
                "unit": line.price.unit,
                "price": line.price.usd,
                "per": line.price.per,
                "source": line.price.source,
                "fixed": line.fixed,
                "day": _exact(line.usd),
                "month": _exact(line.usd * made.days),
                "thousand": None if line.fixed else _exact(made.per_thousand(line.usd)),
            }
            for line in made.lines
        ],
        "day": _exact(made.day),
        "month": _exact(made.month),
        "fixed": _exact(made.fixed),
        "thousand": _exact(made.thousand),
        "shares": {service: round(float(share), 4) for service, share in made.shares},
        "savings": [vars(one) | {"month": _exact(one.month)} for one in others],
        "designs": [vars(one) | {"thousand": _exact(one.thousand)} for one in designs],
    }


def _exact(usd: Decimal | None) -> Decimal | None:
    """To a millionth of a dollar."""
    return None if usd is None else usd.quantize(_MILLIONTH)
