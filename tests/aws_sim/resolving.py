"""What a template says once CloudFormation has filled it in: names, ARNs and joined texts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Made:
    """A resource that is there: what `Ref` gives, and what `Fn::GetAtt` gives by attribute."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolver:
    """Fills in values; `made` gives a resource by its logical id, and makes it if need be."""

    pseudo: Mapping[str, str]
    made: Callable[[str], Made]

    def __call__(self, value: Any) -> Any:  # noqa: ANN401 (anything that a template holds)
        """The value with every intrinsic function done.

        Raises: LookupError for a function, a parameter or an attribute that is not known.
        """
        match value:
            case {"Ref": name}:
                return self._ref(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self.made(name).attributes[attribute]
            case {"Fn::Join": [separator, parts]}:
                return separator.join(map(self, parts))
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._ref(found[1]), text)
            case dict():
                if unknown := [name for name in value if name.startswith("Fn::")]:
                    raise LookupError(f"{unknown[0]} is not known here")
                return {name: self(one) for name, one in value.items()}
            case list():
                return [self(one) for one in value]
        return value

    def _ref(self, name: str) -> str:
        return self.pseudo[name] if name.startswith("AWS::") else self.made(name).ref
