"""From pydantic's errors to what a person reads: what is wrong with a setting, and the way out."""

import re
from collections.abc import Collection, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from edp.core.contract import invalid
from edp.core.contract.config import Config
from edp.core.contract.document import Document, Path, Value
from edp.core.contract.invalid import CODE, nearest
from edp.core.contract.layout import settings_at

_SECRETS = "alerts"  # every value below it
_NO_SETTINGS = ("[key]", "<keyed>", "<word>")  # pydantic's, and ours for the kinds of deduplicate
_CHOICE = re.compile(r"'([^']*)'")
_WITH_EXAMPLE = {
    "missing": ("missing", "add it"),
    "too_short": ("empty", "write at least one"),
    "string_type": ("not a text", "write one in quotes"),
}
_QUOTED_CHARACTERS = 40


def checked(document: Document) -> tuple[Config, list[tuple[Path, str]]]:
    """The contract without the settings that are wrong, and what is wrong with those.

    The rest is checked again until it is right, so that problems which pydantic looks for only
    among right settings are told at once, too.
    """
    findings = list(document.findings)
    while True:
        try:
            return Config.model_validate(document.settings), findings
        except ValidationError as error:
            details = error.errors(include_url=False)
        known = [path for path, _ in findings]
        wrong = [_path(detail) for detail in details]
        for detail, path in zip(details, wrong, strict=True):
            if not _follows(detail, path, known):
                findings.append((path, _message(detail, path, document)))
        _leave_out(document.settings, wrong)


def _path(detail: ErrorDetails) -> Path:
    path = tuple(part for part in detail["loc"] if part not in _NO_SETTINGS)
    return path + tuple(detail["ctx"]["at"]) if detail["type"] == CODE else path


def _follows(detail: ErrorDetails, path: Path, known: Collection[Path]) -> bool:
    """Whether the error may only follow from a setting which is wrong itself and was left out."""
    if detail["type"] != CODE or not detail["ctx"]["at"]:
        return path in known
    return any(other[:-1] == path[:-1] or other[: len(path)] == path for other in known)


def _leave_out(settings: dict[str, Value], wrong: Sequence[Path]) -> None:
    culprits = [_culprit(settings, path) for path in wrong if path]
    if not any(name in group for group, name in culprits):
        settings.clear()  # an error of no setting would come again and again
    for group, name in culprits:
        group.pop(name, None)


def _culprit(settings: dict[str, Value], path: Path) -> tuple[dict[str, Value], str]:
    """What to leave out for `path`: of a list all, and the group where a setting is missing."""
    group, name = settings, str(path[0])
    for part in path[1:]:
        inner = group.get(name)
        if not isinstance(inner, dict) or part not in inner:
            break
        group, name = inner, str(part)
    return group, name


def _message(detail: ErrorDetails, path: Path, document: Document) -> str:
    value = detail["input"]
    secret = path in document.hidden or path[:1] == (_SECRETS,)
    named = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]  # the path says it
    if secret or named or not isinstance(value, str):
        value = None
    what, way_out = _words(detail, path, value)
    return f"{what}{_quoted(value)}; {way_out}"


def _quoted(value: str | None) -> str:
    if value is None:
        return ""
    more = "..." if len(value) > _QUOTED_CHARACTERS else ""
    return f": {value[:_QUOTED_CHARACTERS]!r}{more}"


def _words(detail: ErrorDetails, path: Path, value: str | None) -> tuple[str, str]:
    """What is wrong, and the way out; the value, if it may be quoted, finds the nearest choice."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case invalid.CODE:
            words = context["what"], context["way_out"]
        case "extra_forbidden":
            words = "unknown setting", _instead(path)
        case "literal_error":
            near = nearest(value or "", _CHOICE.findall(context["expected"]))
            way_out = f"did you mean '{near}'?" if near else "write one of them"
            words = f"not {context['expected']}", way_out
        case "string_pattern_mismatch":
            words = f"does not match {context['pattern']}", f"write another one{_example(path)}"
        case "greater_than_equal":
            words = "too little", f"write at least {context['ge']}"
        case "less_than_equal":
            words = "too much", f"write at most {context['le']}"
        case "model_type" | "dict_type":
            names = ", ".join(settings_at(path))
            words = "not a mapping", f"write `name: value` lines{names and ' with '}{names}"
        case "tuple_type":
            words = "not a list", "write e.g. [a, b]"
        case kind:
            what, way_out = _WITH_EXAMPLE.get(kind, _WITH_EXAMPLE["string_type"])
            words = what, f"{way_out}{_example(path)}"
    return words


def _instead(path: Path) -> str:
    names = settings_at(path[:-1])
    near = nearest(str(path[-1]), names)
    return f"did you mean '{near}'?" if near else f"remove it; there are {', '.join(names)}"


def _example(path: Path) -> str:
    field = settings_at(path[:-1]).get(str(path[-1]))
    return f", e.g. {field.examples[0]}" if field and field.examples else ""
