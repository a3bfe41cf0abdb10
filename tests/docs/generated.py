"""Parts of the reference that are the code's own words: `make docs` writes them, a test compares.

In a page such a part stands between `<!-- NAME: written by make docs -->` and `<!-- end -->`.
"""

from __future__ import annotations

import dataclasses
import html
import inspect
import json
import re
import sys
import textwrap
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import edp
from edp.core import bus
from edp.core.alerts import Alert
from edp.core.bus import Event
from edp.infra.cost import prices
from edp.infra.cost.estimate import designs, estimate
from edp.infra.cost.profile import Profile
from edp.infra.cost.work import FILE, LOOK, RUN, SIGHT
from edp.notify import pagerduty, slack
from edp.notify.port import Notice
from edp.pipeline.alerting import Site, told
from tests.docs.pages import PAGES, read
from tests.infra.templates import SHOP, SNAPSHOT, Template, contract, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from edp.infra.cost.estimate import Estimate

_PART = re.compile(
    r"(?P<head><!-- (?P<name>\S+): written by make docs -->\n).*?(?P<foot><!-- end -->)", re.DOTALL
)
_VALUES = ("Receipt", "Counts", "Failure", "Rest", "DeadLetter", "Table", "Column")


# --- Python ---------------------------------------------------------------------------------------


def paragraphs(docstring: str) -> Iterator[str]:
    """A docstring as Markdown: paragraphs on one line each, examples as code."""
    for part in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        if part.startswith(">>>"):
            yield f"```python\n{part}\n```"
        else:
            yield wrapped(re.sub(r"^(Raises|Returns):", r"**\1**", " ".join(part.split())))


def wrapped(text: str) -> str:
    """A paragraph in lines as the other pages have them."""
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False)


def signature(name: str, function: Any) -> str:  # noqa: ANN401 (any callable)
    """As it is called, with the types that it takes and gives."""
    plain = inspect.signature(function)
    kept = [p for p in plain.parameters.values() if p.name not in ("self", "cls")]
    text = str(plain.replace(parameters=kept))
    return name + re.sub(r"(: |-> )'([^']+)'", r"\1\2", text)  # annotations are text in the code


def methods() -> Iterator[tuple[str, Any]]:
    """The public methods of a Pipeline, in the order in which the code has them."""
    for name in vars(edp.Pipeline):
        if not name.startswith("_"):
            yield name, getattr(edp.Pipeline, name)


def python_methods() -> Iterator[str]:
    for name, method in methods():
        yield f"### `Pipeline.{name}`"
        yield f"```text\n{signature(name, method)}\n```"
        yield from paragraphs(method.__doc__ or "")


def python_class() -> Iterator[str]:
    yield from paragraphs(edp.Pipeline.__doc__ or "")


def properties(kind: type) -> Iterator[tuple[str, str]]:
    """A value's public fields and properties, with their types."""
    for field in dataclasses.fields(kind):
        yield field.name, str(field.type)
    for name, member in vars(kind).items():
        if isinstance(member, property) and member.fget is not None:
            yield name, member.fget.__annotations__["return"]


def python_values() -> Iterator[str]:
    for name in _VALUES:
        kind = getattr(edp, name)
        yield f"### `{name}`"
        yield from (p for p in paragraphs(kind.__doc__) if not p.startswith("```"))
        yield rows(
            ("field", "type"),
            ((f"`{field}`", f"`{kind}`".replace("|", "\\|")) for field, kind in properties(kind)),
        )


# --- alerts ---------------------------------------------------------------------------------------


SITE = Site("shop", "loader-1:/srv/shop", "/srv/shop")
BROKEN = Event(
    bus.LETTER_ADDED,
    {
        "kind": "object",
        "key": "orders/monday.csv",
        "version": "1",
        "dataset": "orders",
        "state": "dead",
        "code": "reject limit exceeded",
        "reason": "620 of 1000 rows were rejected, and max_reject_ratio is 0.5",
        "dead_letter": "b1c2d3e4f5a6",
        "cause_id": "4f1d2c3b4a59",
        "attempts": 1,
        "run": "20260105T120000-1a2b3c4d",
    },
    id="e-1",
    time=1_767_614_400.0,
)


def broken() -> Alert:
    """What is told of a file with too many rejects."""
    (alert,) = told(BROKEN, SITE)
    assert isinstance(alert, Alert)
    return alert


def card(message: dict[str, Any]) -> str:
    """A Slack message as a quotation in Markdown."""
    return "\n>\n".join(map(_block, message["blocks"]))


def _block(block: dict[str, Any]) -> str:
    texts = [block["text"]["text"]] if "text" in block else []
    texts += [part["text"] for part in (*block.get("fields", ()), *block.get("elements", ()))]
    if block["type"] == "header":
        texts = [f"**{text}**" for text in texts]
    plain = [re.sub(r"(?<!\*)\*([^*\n]+)\*(?!\*)", r"**\1**", _emoji(text)) for text in texts]
    if block.get("fields"):
        plain = [text.replace("\n", ": ") for text in plain]
    fenced = [
        re.sub(r"```(.*?)```", r"\n```text\n\1\n```", text, flags=re.DOTALL) for text in plain
    ]
    lines = "\n\n".join(fenced).splitlines()
    return "\n".join(f"> {html.unescape(line)}".rstrip() for line in lines)


def _emoji(text: str) -> str:
    signs = {":red_circle:": "\U0001f534", ":large_green_circle:": "\U0001f7e2"}
    return re.sub(r":[a-z_]+:", lambda match: signs.get(match[0], match[0]), text)


def slack_card() -> Iterator[str]:
    yield card(slack.message([Notice(broken())]))


def slack_over() -> Iterator[str]:
    alert = broken()
    over = dataclasses.replace(alert, action="resolve", at=alert.at + 900)
    yield card(slack.message([Notice(over, alerts=12, since=alert.at)]))


def pagerduty_trigger() -> Iterator[str]:
    event = pagerduty.payload(Notice(broken()), routing_key="...", group=SITE.name)
    yield f"```json\n{json.dumps(event, indent=2, ensure_ascii=False)}\n```"


# --- AWS ------------------------------------------------------------------------------------------


def template() -> Template:
    """The one that a test compares with what is synthesised."""
    return Template.read(SNAPSHOT)


def name_of(resource: Mapping[str, Any]) -> str:
    """What a resource is called; most have a name that follows from the pipeline's."""
    given = resource.get("Properties", {})
    kind = resource["Type"].rpartition("::")[2]
    words = (f"{kind}Name", "Name", f"Log{kind.removeprefix('Log')}Name", "LayerName")
    found = next((given[word] for word in words if word in given), None)
    return f"`{shown(found)}`" if found is not None else ""


def aws_resources() -> Iterator[str]:
    resources = template().whole["Resources"]
    yield rows(
        ("type", "resource", "name"),
        (
            (f"`{one['Type'].removeprefix('AWS::')}`", f"`{title}`", name_of(one))
            for title, one in sorted(resources.items(), key=lambda item: (item[1]["Type"], item[0]))
        ),
    )


def roles() -> Iterator[tuple[str, str]]:
    """Logical ids and names."""
    for title, given in template().of("IAM::Role").items():
        yield title, given["RoleName"]


def aws_rights() -> Iterator[str]:
    there = template()
    yield rows(
        ("role", "may", "on"),
        (
            (f"`{name}`", _listed(actions), _listed(resources))
            for title, name in roles()
            for _, actions, resources in there.statements(title)
        ),
    )


def _listed(texts: Iterable[str]) -> str:
    plain = (
        text.replace("${AWS::Partition}", "aws").replace("${AWS::Region}:${AWS::AccountId}", "")
        for text in texts
    )
    return ", ".join(f"`{text}`" for text in plain)


def aws_wildcards() -> Iterator[str]:
    resources = template().whole["Resources"]
    reasons = {
        (shown(one["resource"]), one["why"])
        for title, _ in roles()
        for one in resources[title]["Metadata"]["Wildcards"]
    }
    body = ((_listed([resource]), why) for resource, why in sorted(reasons))
    yield rows(("resource", "reason"), body)


def aws_alarms() -> Iterator[str]:
    def body() -> Iterator[tuple[str, ...]]:
        for given in template().of("CloudWatch::Alarm").values():
            statistic = given.get("Statistic", given.get("ExtendedStatistic"))
            sign = ">" if given["ComparisonOperator"].startswith("Greater") else "<"
            metric = f"`{given['Namespace']}` `{given['MetricName']}`"
            beyond = f"{sign} {given['Threshold']:g} in {given['Period']} s"
            yield (
                f"`{given['AlarmName']}`",
                f"{statistic} of {metric} {beyond}",
                given["AlarmDescription"],
            )

    yield rows(("alarm", "when", "what it says"), body())


def aws_environment() -> Iterator[str]:
    there = template()
    variables = there.properties(there.function("etl"))["Environment"]["Variables"]
    yield rows(
        ("variable", "value"), ((f"`{name}`", f"`{shown(v)}`") for name, v in variables.items())
    )


# --- cost -----------------------------------------------------------------------------------------

SIZES = (
    ("100 files a day", Profile(files=Decimal(100))),
    ("1,000 files a day", Profile()),
    ("1,000 files a day, all at once", Profile(together=1000)),
    ("10,000 files a day", Profile(files=Decimal(10_000))),
    ("100,000 files a day", Profile(files=Decimal(100_000))),
)
SETTINGS: tuple[tuple[str, dict[str, str], int], ...] = (
    ("as it is", {}, 1),
    ("`catalog: direct`", {"catalog": "direct"}, 1),
)
WAITING = (*SETTINGS, ("and `max_wait: 5min`", {"catalog": "direct"}, 300))


def estimated(profile: Profile, given: Mapping[str, str], wait_s: int) -> Estimate:
    """What the contract of the templates costs with other settings."""
    config = contract(SHOP)
    assert config.runtimes.aws is not None
    batch = config.batch.model_copy(update={"max_wait": timedelta(seconds=wait_s)})
    aws = config.runtimes.aws.model_copy(update=given)
    return estimate(config.model_copy(update={"batch": batch}), aws, profile)


def cost_months() -> Iterator[str]:
    yield rows(
        ("files", *(name for name, _, _ in WAITING), "of it fixed"),
        (
            (
                name,
                *(f"${estimated(p, given, wait).month:,.2f}" for _, given, wait in WAITING),
                f"${estimated(p, {}, 1).fixed:,.2f}",
            )
            for name, p in SIZES
        ),
    )


def cost_designs() -> Iterator[str]:
    def body() -> Iterator[tuple[str, str]]:
        for design in designs():
            yield design.name, f"${design.thousand:,.2f}"
        for name, profile in SIZES[1:4]:
            for setting, given, wait in SETTINGS:
                thousand = estimated(profile, given, wait).thousand
                yield f"EDP, {name}, {setting}", f"${thousand or 0:,.2f}"

    yield rows(("design", "a thousand files, without what is fixed"), body())


def cost_work() -> Iterator[str]:
    names = ("requests", "writes", "reads", "puts", "gets", "events", "rows")
    titles = (
        "requests to DynamoDB", "write units", "read units", "puts and lists of S3", "gets of S3",
        "events", "bytes that stay in DynamoDB",
    )  # fmt: skip
    told = (
        ("a file", FILE),
        ("a run, besides", RUN),
        ("a file, when a listing shows it", SIGHT),
        ("a look of the reconciler", LOOK),
    )
    yield rows(
        ("", *titles),
        ((what, *(f"{getattr(work, name):,}" for name in names)) for what, work in told),
    )


def cost_prices() -> Iterator[str]:
    found = [one for one in vars(prices).values() if isinstance(one, prices.Price)]
    yield rows(
        ("service", "unit", "price", "source"),
        (
            (
                one.service,
                f"{one.per:,} {one.unit}s" if one.per > 1 else one.unit,
                f"{one.usd}",
                one.source,
            )
            for one in found
        ),
    )


# --- all of it ------------------------------------------------------------------------------------


def rows(head: tuple[str, ...], body: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = (head, ("---",) * len(head), *body)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "pipeline": python_class,
    "methods": python_methods,
    "values": python_values,
    "slack-card": slack_card,
    "slack-over": slack_over,
    "pagerduty-trigger": pagerduty_trigger,
    "aws-resources": aws_resources,
    "aws-rights": aws_rights,
    "aws-wildcards": aws_wildcards,
    "aws-alarms": aws_alarms,
    "aws-environment": aws_environment,
    "cost-months": cost_months,
    "cost-designs": cost_designs,
    "cost-work": cost_work,
    "cost-prices": cost_prices,
}


def written(text: str) -> str:
    """A page's text with its parts as the code has them now."""

    def part(match: re.Match[str]) -> str:
        body = "\n\n".join(PARTS[match["name"]]())
        return f"{match['head']}\n{body}\n\n{match['foot']}"

    return _PART.sub(part, text)


def names(text: str) -> list[str]:
    """The parts that a page has."""
    return [match["name"] for match in _PART.finditer(text)]


def main() -> None:
    """Write every part anew, and say which pages changed."""
    for page in PAGES:
        before = read(page)
        after = written(before)
        if after != before:
            page.write_text(after, "utf-8")
            sys.stdout.write(f"{page}\n")


if __name__ == "__main__":
    main()
