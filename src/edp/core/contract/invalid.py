"""What a setting's value is told when it is refused: what is wrong, and the way out.

Neither part quotes the value, which may come from `${NAME}` and be a secret; `findings` adds the
value where it may be shown.
"""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from pydantic_core import PydanticCustomError

CODE = "contract"


def invalid(what: str, way_out: str, *, at: Sequence[str | int] = ()) -> PydanticCustomError:
    """The error to raise in a validator; `at` leads from the validated model to the culprit.

    >>> str(invalid("not a duration", "write e.g. 5min"))
    'not a duration; write e.g. 5min'
    """
    context = {"what": what, "way_out": way_out, "at": tuple(at)}
    return PydanticCustomError(CODE, "{what}; {way_out}", context)


def nearest(word: str, known: Collection[str]) -> str | None:
    """The one of `known` that `word` was probably meant to be.

    >>> nearest("Typ", ["type", "trim"]), nearest("colour", ["type", "trim"])
    ('type', None)
    """
    matches = get_close_matches(word.lower(), list(known), n=1)
    return matches[0] if matches else None


def a(noun: str) -> str:
    """`noun` with its article.

    >>> a("int"), a("json")
    ('an int', 'a json')
    """
    return f"{'an' if noun[:1] in tuple('aeiou') else 'a'} {noun}"
