"""What a table's columns are, given what its sources admit; and what older files need for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edp.catalog.port import Column, SchemaChange
from edp.core.files import Profile, ProfileColumn, admits
from edp.core.names import LOADED_AT, SOURCE_FILE
from edp.core.types import Admits, castable, parted, public

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edp.catalog.port import Method
    from edp.core.files import DataFile

_OWN = {
    SOURCE_FILE: ("string", "key of the object that the row came from"),
    LOADED_AT: ("timestamptz", "start of the run that loaded the row"),
}


def columns(profiles: Collection[Profile], declared: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns of a table whose live sources have these profiles.

    In the order of their place in the files, then by name, so that the order in which files came
    does not show. The comment is how files name the column, where that differs. A `declared` type
    stands where no file says otherwise; files that were read with an older contract do, until
    they are read again.
    """
    place: dict[str, int] = {}
    originals: dict[str, set[str]] = {}
    for profile in profiles:
        for ordinal, column in enumerate(profile):
            place[column.name] = min(ordinal, place.get(column.name, ordinal))
            originals.setdefault(column.name, set()).add(column.original)
    common = admits(profiles)
    own = [Column(name, *described) for name, described in _OWN.items() if name not in place]
    found = [
        Column(
            name,
            _resolved(name, common[name], declared),
            ", ".join(sorted(originals[name] - {name})),
        )
        for name in sorted(place, key=lambda name: (place[name], name))
    ]
    return (*found, *own)


def _resolved(name: str, common: Admits, declared: Mapping[str, str]) -> str:
    return declared.get(name, "string") if common.types is None else common.resolved


def kept(
    columns: Sequence[Column],
    before: Sequence[Column],
    declared: Mapping[str, str],
    add: Collection[DataFile],
) -> tuple[Column, ...]:
    """`columns` with the types that the table has `before`, whatever the live files admit.

    A `declared` type stands as soon as a file is stored so.
    """
    types = {column.name: column.resolved for column in before}
    for file in add:
        types |= {name: declared[name] for name in file.schema.keys() & declared.keys()}
    return tuple(replace(one, resolved=types.get(one.name, one.resolved)) for one in columns)


def unlike(file: DataFile, types: Mapping[str, str], keys: Collection[str]) -> dict[str, set[str]]:
    """The `keys` by the columns of `file` that are stored otherwise than `types` says.

    A date that was read without need of a reading is like one that was read with it.
    """
    return {
        name: set(keys)
        for name, stored in file.schema.items()
        if public(stored) != public(types.get(name, stored))
        or (parted(stored)[1] and stored != types.get(name, stored))
    }


def misfits(
    file: DataFile,
    types: Mapping[str, str],
    profiles: Mapping[str, Profile],
) -> dict[str, set[str]]:
    """The sources of `file` whose values cannot be cast exactly to `types`, by column.

    `profiles` are of those sources, by key, that are looked at.
    """
    suspects = {name for name, stored in file.schema.items() if types.get(name, stored) != stored}
    found: dict[str, set[str]] = {}
    for profile, keys in _alike(profiles if suspects else {}).items():
        known = {column.name: column for column in profile}
        for name in suspects:
            column = known.get(name, ProfileColumn(name, name))
            if not (column.declared or castable(file.schema[name], types[name], column.admits)):
                found.setdefault(name, set()).update(keys)
    return found


def _alike(profiles: Mapping[str, Profile]) -> dict[Profile, list[str]]:
    """The keys by their profile, of which there are few."""
    keys: dict[Profile, list[str]] = {}
    for key, profile in profiles.items():
        keys.setdefault(profile, []).append(key)
    return keys


def changes(
    before: Sequence[Column],
    after: Sequence[Column],
    methods: Mapping[str, Method],
) -> tuple[SchemaChange, ...]:
    """What a reader sees of a change of columns."""
    old = {column.name: column.resolved for column in before}
    new = {column.name: column.resolved for column in after}
    found = [
        SchemaChange(name, "added", None, public(kind), "none")
        for name, kind in new.items()
        if name not in old
    ]
    found += [
        SchemaChange(name, "removed", public(kind), None, "none")
        for name, kind in old.items()
        if name not in new
    ]
    found += [
        SchemaChange(name, "type", *_told(old[name], kind), methods.get(name, "cast at read"))
        for name, kind in new.items()
        if name in old and _differ(old[name], kind)
    ]
    return tuple(found)


def _differ(old: str, new: str) -> bool:
    """Whether a reader sees a change: another type, or dates read the other way round."""
    return public(old) != public(new) or (":" in old and ":" in new and old != new)


def _told(old: str, new: str) -> tuple[str, str]:
    return (public(old), public(new)) if public(old) != public(new) else (old, new)
