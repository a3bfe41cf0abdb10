"""Which settings there are in which group, as the models declare them."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edp.core.contract.config import Config
from edp.core.contract.document import Path


def settings_at(path: Path) -> Mapping[str, FieldInfo]:
    """The settings of the group at `path`, by name; none where a single value stands.

    >>> list(settings_at(("datasets", "orders", "deduplicate")))
    ['keys', 'order_by', 'keep', 'scope']
    >>> settings_at(("name",))
    {}
    """
    kinds: list[object] = [Config]
    for part in path:
        kinds = [inner for kind in kinds for inner in _inside(kind, part)]
    groups = (kind.model_fields for kind in kinds if _is_group(kind))
    return next(groups, {})


def _inside(kind: object, part: str | int) -> Iterator[object]:
    """The types of what `part` names within a value of type `kind`."""
    if _is_group(kind):
        if part in kind.model_fields:
            yield from _alternatives(kind.model_fields[part].annotation)
    elif get_origin(kind) is tuple:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) is Mapping:
        yield from _alternatives(get_args(kind)[1])


def _alternatives(kind: object) -> Iterator[object]:
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            yield from _alternatives(one)
    else:
        yield kind


def _is_group(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
