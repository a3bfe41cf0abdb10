"""An estimate: lines and their sum, what most of it goes to, and what it would be otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from edp.infra.cost import prices
from edp.infra.cost.batches import Batches
from edp.infra.cost.lines import DAYS, Line, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edp.core.contract import Config
    from edp.core.contract.runtimes import Aws
    from edp.infra.cost.profile import Profile

_NOTABLE: Final = Decimal("0.01")
"""The share of a month's sum that is worth another setting."""
_THOUSAND: Final = 1000
_WAITS: Final = (timedelta(minutes=1), timedelta(minutes=5))


@dataclass(frozen=True)
class Estimate:
    """A day of a pipeline, by line; in US dollars."""

    profile: Profile
    batches: Batches
    lines: tuple[Line, ...]

    @property
    def days(self) -> int:
        """Of a month."""
        return DAYS

    @property
    def day(self) -> Decimal:
        """All lines together."""
        return sum((line.usd for line in self.lines), Decimal(0))

    @property
    def month(self) -> Decimal:
        """What a month costs."""
        return self.day * self.days

    @property
    def fixed(self) -> Decimal:
        """What a month costs in which nothing comes and nobody asks."""
        return sum((line.usd for line in self.lines if line.fixed), Decimal(0)) * self.days

    @property
    def thousand(self) -> Decimal | None:
        """What a thousand files cost, without what is fixed; None where there are none."""
        return self.per_thousand(self.day - self.fixed / self.days)

    def per_thousand(self, usd: Decimal) -> Decimal | None:
        """What of a day's `usd` falls to a thousand files."""
        return usd * _THOUSAND / self.profile.files if self.profile.files else None

    @property
    def shares(self) -> list[tuple[str, Decimal]]:
        """Services by their share of the sum, the greatest first."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            sums[line.price.service] = sums.get(line.price.service, Decimal(0)) + line.usd
        day = self.day
        return sorted(((name, usd / day) for name, usd in sums.items()), key=lambda one: -one[1])


def estimate(config: Config, aws: Aws, profile: Profile) -> Estimate:
    """What the pipeline of `config` costs with such files and queries."""
    found = lines(config, aws, profile)
    return Estimate(profile, Batches.of(config, aws, profile), tuple(found))


@dataclass(frozen=True)
class Saving:
    """Another setting, what a month costs with it and those before it, what speaks against it."""

    setting: str
    month: Decimal
    but: str


def savings(config: Config, aws: Aws, profile: Profile) -> list[Saving]:
    """The settings that would make a month notably cheaper, each on top of those before it."""
    found: list[Saving] = []
    month = estimate(config, aws, profile).month
    while True:
        others = [
            (estimate(one.config, one.aws, profile).month, one) for one in _others(config, aws)
        ]
        least, best = min(others, key=lambda other: other[0], default=(month, None))
        if best is None or month - least < month * _NOTABLE:
            return found
        found.append(Saving(best.setting, least, best.but))
        config, aws, month = best.config, best.aws, least


@dataclass(frozen=True)
class _Other:
    """A setting as edp.yaml has it, the contract with it, and what speaks against it."""

    setting: str
    config: Config
    aws: Aws
    but: str


def _others(config: Config, aws: Aws) -> Iterator[_Other]:
    """Settings that cost less in some profiles."""
    if aws.catalog == "crawler":
        direct = aws.model_copy(update={"catalog": "direct"})
        yield _Other("runtimes.aws.catalog: direct", config, direct, "tables of others stay unseen")
    if aws.engine == "spark":
        auto = aws.model_copy(update={"engine": "auto"})
        yield _Other("runtimes.aws.engine: auto", config, auto, "none")
    if aws.workers > 2:  # noqa: PLR2004 (the fewest that Glue runs a job on)
        fewer = aws.model_copy(update={"workers": 2})
        yield _Other("runtimes.aws.workers: 2", config, fewer, "large batches take longer")
    if aws.encryption == "own-key":
        managed = aws.model_copy(update={"encryption": "managed"})
        yield _Other("runtimes.aws.encryption: managed", config, managed, "the key is AWS's")
    for wait in _WAITS:
        if wait > config.batch.max_wait:
            batch = config.batch.model_copy(update={"max_wait": wait})
            other = config.model_copy(update={"batch": batch})
            text = f"batch.max_wait: {wait // timedelta(minutes=1)}min"
            yield _Other(text, other, aws, "files wait for others that long")


@dataclass(frozen=True)
class Design:
    """Another way to build it, and what a thousand files cost that way."""

    name: str
    thousand: Decimal


_NAIVE_JOB_H: Final = Decimal(2) / 60
_CRAWL_H: Final = Decimal(10) / 60
_BATCH_JOB_H: Final = Decimal(5) / 60
_DPU: Final = Decimal(2)


def designs() -> list[Design]:
    """The chain as it is often built, and with the steps that make it cheaper.

    Jobs and crawls of two DPU: two minutes for one file, five for a thousand, ten a crawl. These
    are assumptions, as good as the page on cost says. Files of 1 MB.

    >>> [f"{one.thousand:.2f}" for one in designs()]
    ['176.00', '0.23', '0.09']
    """
    crawl = prices.GLUE.of(_DPU * _CRAWL_H)
    one = prices.GLUE.of(_DPU * _NAIVE_JOB_H) + crawl
    batch = prices.GLUE.of(_DPU * _BATCH_JOB_H) + plumbing()
    return [
        Design("a job and a crawl for each file", one * _THOUSAND),
        Design("a job and a crawl for a thousand files", batch + crawl),
        Design("a job for a thousand files, partitions registered", batch),
    ]


def plumbing() -> Decimal:
    """What carries a thousand files to a job, at the least.

    A message to SNS; three requests to SQS; two rows; two objects written and two read; a third of
    a second of a small function.

    >>> f"{plumbing():.4f}"
    '0.0146'
    """
    n = Decimal(_THOUSAND)
    return (
        prices.SNS.of(n)
        + prices.SQS.of(3 * n)
        + prices.WRITES.of(2 * n)
        + prices.PUTS.of(2 * n)
        + prices.GETS.of(2 * n)
        + prices.MEMORY.of(n * Decimal("0.128") * Decimal("0.3"))
        + prices.CALLS.of(n)
    )
