"""Slack, by an incoming webhook: a card when something fails, and a line when it is over.

Whatever comes from a file stands escaped, in code, and within Slack's limits: it cannot mention
anybody, be a link, or push the rest out of the message.

Source: Slack developer documentation, "Incoming webhooks", "Block Kit", "Rate limits". Messages of
more than about 13,200 characters are refused, which is not documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from edp.core import clock
from edp.notify.text import clean, fit, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from edp.core.alerts import Alert, Link
    from edp.notify.port import Answer, Notice
    from edp.notify.transport import Transport

_HEADER: Final = 150
_FIELDS: Final = 10
_FIELD: Final = 260
_TEXT: Final = 1500
_LINE: Final = 240
_COMMAND: Final = 160
_LINK: Final = 600
_LINKS: Final = 3
_AT_ONCE: Final = 20
_OK: Final = 200

_MARKS: Final = {
    "critical": ":rotating_light:",
    "error": ":red_circle:",
    "warning": ":large_yellow_circle:",
    "info": ":white_circle:",
}
_OVER: Final = ":large_green_circle:"
_DONE: Final = ":package:"
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "\u02cb"}
_PLAIN: Final = str.maketrans({"&": "+", "<": "\u2039", ">": "\u203a"})


def message(notices: Sequence[Notice]) -> dict[str, Any]:
    """The message that tells `notices`: a card for one, a line each for several."""
    blocks = _card(notices[0]) if len(notices) == 1 else _list(notices)
    text = _title(notices[0]) if len(notices) == 1 else _many(notices)
    return {
        "text": fit(one_line(text), _TEXT, _escaped),
        "blocks": [block.to_dict() for block in blocks],
        "unfurl_links": False,
        "unfurl_media": False,
    }


class Slack:
    """One incoming webhook."""

    at_once: Final = _AT_ONCE
    gap_s: float = 1.1
    """A channel takes a message a second."""

    def __init__(self, transport: Transport, url: SecretStr) -> None:
        self._transport = transport
        self._url = url

    def send(self, notices: Sequence[Notice]) -> Answer:
        """Tell `notices` in one message."""
        reply = self._transport.post(self._url.get_secret_value(), message(notices))
        return reply.answer(accepted=_OK)


def _card(notice: Notice) -> list[Block]:
    alert = notice.alert
    if alert.action == "resolve":
        return [_section(_line(notice)), _when(notice)]
    blocks: list[Block] = [
        HeaderBlock(text=PlainTextObject(text=_heading(notice), emoji=True)),
    ]
    if fields := _fields(notice):
        blocks.append(SectionBlock(fields=fields))
    if alert.reasons:
        blocks.append(_section(_quoted("Why", alert.reasons)))
    if alert.samples:
        blocks.append(_section(_quoted("Sample", alert.samples)))
    if alert.command:
        blocks.append(_section(f"*To fix it*\n```{fit(clean(alert.command), _TEXT, _escaped)}```"))
    if links := [link for link in map(_link, alert.links) if len(link) <= _LINK][:_LINKS]:
        blocks.append(_section(" · ".join(links)))
    return [*blocks, _when(notice)]


def _list(notices: Sequence[Notice]) -> list[Block]:
    blocks: list[Block] = [
        HeaderBlock(text=PlainTextObject(text=fit(_many(notices), _HEADER), emoji=True)),
    ]
    blocks += [_section(_line(notice)) for notice in notices[:_AT_ONCE]]
    if len(notices) > _AT_ONCE:
        blocks.append(_section(f"and {len(notices) - _AT_ONCE:,} more"))
    blocks.append(ContextBlock(elements=[_markdown("`edp alerts list` shows all of them")]))
    return blocks


def _line(notice: Notice) -> str:
    alert = notice.alert
    text = f"{_mark(alert)} {fit(one_line(_title(notice)), _LINE, _escaped)}"
    command = "".join(map(_escaped, one_line(alert.command or "")))
    if command and len(command) <= _COMMAND and alert.action == "trigger":  # or none at all
        text += f"\n`{command}`"
    return text


def _many(notices: Sequence[Notice]) -> str:
    wrong = sum(notice.alert.action == "trigger" for notice in notices)
    over = sum(notice.alert.action == "resolve" for notice in notices)
    parts = [f"{wrong} failing"] * bool(wrong) + [f"{over} over"] * bool(over)
    return ", ".join(parts) or "Loaded"


def _heading(notice: Notice) -> str:
    mark = f"{_mark(notice.alert)} "
    return mark + fit(one_line(_title(notice)).translate(_PLAIN), _HEADER - len(mark))


def _title(notice: Notice) -> str:
    alert = notice.alert
    match alert.action:
        case "resolve":
            many = f", {notice.alerts:,} alerts" if notice.alerts > 1 else ""
            return f"Over: {alert.summary} (after {_span(alert.at - notice.since)}{many})"
        case "trigger" if notice.follows:
            return f"{alert.summary} ({notice.new:,} more, {notice.alerts:,} in all)"
        case "trigger" if notice.alerts > 1:
            return f"{alert.summary} (and {notice.alerts - 1:,} more)"
        case "change" if notice.amounts:
            counts = ", ".join(f"{n:,} {name}" for name, n in notice.amounts.items())
            return f"{alert.summary}: {counts}"
        case _:
            return alert.summary


def _mark(alert: Alert) -> str:
    match alert.action:
        case "resolve":
            return _OVER
        case "change":
            return _DONE
        case _:
            return _MARKS[alert.severity]


def _fields(notice: Notice) -> list[MarkdownTextObject]:
    named = [(name, value) for name, value in notice.alert.facts.items() if value]
    return [
        _markdown(
            f"*{fit(one_line(name), 60, _escaped)}*\n"
            f"`{fit(one_line(value), _FIELD - 80, _escaped) or ' '}`"
        )
        for name, value in named[:_FIELDS]
    ]


def _quoted(head: str, texts: Sequence[str]) -> str:
    lines = "\n".join(one_line(text) for text in texts)
    return f"*{head}*\n```{fit(lines, _TEXT, _escaped)}```"


def _when(notice: Notice) -> ContextBlock:
    alert = notice.alert
    said = f"{clock.iso(alert.at)} · `{fit(one_line(alert.dedup_key), _LINE, _escaped)}`"
    return ContextBlock(elements=[_markdown(said)])


def _link(link: Link) -> str:
    href = "".join(map(_linked, one_line(link.href)))
    return f"<{href}|{fit(one_line(link.text), 60, _linked) or 'link'}>"


def _section(text: str) -> SectionBlock:
    return SectionBlock(text=_markdown(text))


def _markdown(text: str) -> MarkdownTextObject:
    # verbatim: Slack looks for no names, channels or addresses in it
    return MarkdownTextObject(text=text, verbatim=True)


def _escaped(c: str) -> str:
    return _ESCAPES.get(c, c)


def _linked(c: str) -> str:
    return "/" if c == "|" else _escaped(c)


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
