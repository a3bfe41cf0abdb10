"""Patterns pick events as EventBridge does; what is no pattern is refused, with the field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.patterns import compiled

GLUE = {
    "version": "0",
    "detail-type": "Glue Job State Change",
    "source": "aws.glue",
    "resources": [],
    "detail": {
        "jobName": "shop-orders",
        "state": "FAILED",
        "rows": 1001,
        "ratio": 0.5,
        "ok": True,
        "none": None,
        "empty": "",
        "tags": ["a", "b"],
        "mixed": [["c"], {"d": 1}],
        "files": [{"key": "a.csv", "state": "dead"}, {"key": "b.csv", "state": "committed"}],
    },
}


def fits(**detail: object) -> bool:
    return compiled({"detail": detail})(GLUE)


@pytest.mark.parametrize(
    ("field", "allowed", "expected"),
    [
        ("state", ["FAILED"], True),
        ("state", ["failed"], False),
        ("state", ["TIMEOUT", "FAILED"], True),
        ("rows", [1001], True),
        ("rows", ["1001"], False),
        ("ok", [True], True),
        ("ok", [1], False),
        ("rows", [True], False),
        ("none", [None], True),
        ("absent", [None], False),
        ("empty", [""], True),
        ("tags", ["b"], True),
        ("tags", ["c"], False),
        ("state", [{"prefix": "FA"}], True),
        ("state", [{"prefix": "AI"}], False),
        ("rows", [{"prefix": "1"}], False),
        ("state", [{"suffix": "LED"}], True),
        ("state", [{"suffix": "FAIL"}], False),
        ("state", [{"prefix": {"equals-ignore-case": "fa"}}], True),
        ("state", [{"equals-ignore-case": "failed"}], True),
        ("state", [{"wildcard": "F*D"}], True),
        ("state", [{"wildcard": "*AIL"}], False),
        ("state", [{"anything-but": "FAILED"}], False),
        ("state", [{"anything-but": ["SUCCEEDED", "STOPPED"]}], True),
        ("state", [{"anything-but": {"prefix": "S"}}], True),
        ("state", [{"anything-but": {"suffix": ["ED", "T"]}}], False),
        ("absent", [{"anything-but": "FAILED"}], False),
        ("tags", [{"anything-but": "a"}], True),
        ("rows", [{"numeric": [">", 1000]}], True),
        ("rows", [{"numeric": [">", 1000, "<=", 1000.5]}], False),
        ("rows", [{"numeric": ["=", 1001.0]}], True),
        ("ok", [{"numeric": [">=", 0]}], False),
        ("state", [{"numeric": [">=", 0]}], False),
        ("rows", [{"numeric": ["<", 10**400]}], True),
        ("state", [{"exists": True}], True),
        ("state", [{"exists": False}], False),
        ("absent", [{"exists": False}], True),
        ("none", [{"exists": True}], True),
        ("files", [{"exists": False}], True),
        ("mixed", [{"exists": False}], False),
        ("mixed", ["c"], True),
        ("state", ["x", {"prefix": "F"}], True),
    ],
)
def test_a_leaf_is_matched_as_eventbridge_does(
    field: str, allowed: list[object], *, expected: bool
) -> None:
    assert fits(**{field: allowed}) is expected


def test_every_field_has_to_fit() -> None:
    assert fits(state=["FAILED"], jobName=[{"prefix": "shop"}])
    assert not fits(state=["FAILED"], jobName=[{"prefix": "bank"}])


def test_an_object_within_a_list_fits_as_a_whole_or_not_at_all() -> None:
    assert fits(files={"key": ["a.csv"], "state": ["dead"]})
    assert not fits(files={"key": ["a.csv"], "state": ["committed"]})


def test_a_leaf_is_no_object_and_an_object_no_leaf() -> None:
    assert not fits(state={"name": ["x"]})
    assert not compiled({"detail": ["x"]})(GLUE)
    assert not compiled({"detail": [{"exists": True}]})(GLUE)
    assert not compiled({"resources": [{"exists": True}]})(GLUE)


def test_one_of_several_patterns_is_enough() -> None:
    either = {"$or": [{"detail": {"state": ["x"]}}, {"source": ["aws.glue"]}]}

    assert compiled(either)(GLUE)
    assert compiled({**either, "version": ["0"]})(GLUE)
    assert not compiled({**either, "version": ["1"]})(GLUE)
    assert not compiled({"$or": [{"detail": {"state": ["x"]}}]})(GLUE)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ({}, "the pattern: an object"),
        ({"source": "edp"}, "source: a list"),
        ({"source": []}, "source: a list"),
        ({"detail": {}}, "detail: an object"),
        ({"detail": {"a": [{"prefx": "x"}]}}, "detail.a: no kind of match is called 'prefx'"),
        ({"detail": {"a": [{"prefix": 1}]}}, "detail.a: 'prefix' takes a text"),
        ({"detail": {"a": [{"prefix": "x", "suffix": "y"}]}}, "detail.a: one kind"),
        ({"detail": {"a": [["x"]]}}, "detail.a: .* is no text"),
        ({"detail": {"a": [{"exists": "yes"}]}}, "detail.a: 'exists' takes"),
        ({"detail": {"a": [{"numeric": [">"]}]}}, "detail.a: 'numeric' takes"),
        ({"detail": {"a": [{"numeric": ["~", 1]}]}}, "detail.a: 'numeric' takes"),
        ({"detail": {"a": [{"numeric": [">", "1"]}]}}, "detail.a: 'numeric' takes"),
        ({"detail": {"a": [{"anything-but": []}]}}, "detail.a: 'anything-but'"),
        ({"detail": {"a": [{"cidr": "10.0.0.0/8"}]}}, "detail.a: no kind of match"),
        ({"$or": [{"a": ["b"]}, {}]}, r"\$or\[1\]: an object"),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_field(
    pattern: dict[str, object], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        compiled(pattern)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
TEXTS = st.text(st.sampled_from("ab*\\.\n"), max_size=6)


@given(JSON, st.text(max_size=3))
def test_no_value_makes_a_pattern_fail(value: object, text: str) -> None:
    pattern = {
        "a": [
            text, 1, None, {"prefix": text}, {"numeric": ["<", 3]}, {"anything-but": [text]},
            {"wildcard": f"{text}*"}, {"exists": False},
        ]
    }  # fmt: skip

    assert compiled(pattern)({"a": value}) in (True, False)
    assert compiled({"a": {"b": [{"exists": True}]}})({"a": value}) in (True, False)


@given(TEXTS)
def test_a_text_without_special_characters_is_a_wildcard_for_itself(text: str) -> None:
    literal = text.replace("\\", "\\\\").replace("*", "\\*")

    assert compiled({"a": [{"wildcard": literal}]})({"a": text})
    assert not compiled({"a": [{"wildcard": literal}]})({"a": f"{text}x"})
    assert compiled({"a": [{"wildcard": f"{literal}*"}]})({"a": f"{text}x\ny"})


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_a_number_is_above_a_bound_or_not(limit: float, value: int) -> None:
    above = compiled({"a": [{"numeric": [">", limit]}]})({"a": value})
    not_above = compiled({"a": [{"numeric": ["<=", limit]}]})({"a": value})

    assert above is (value > limit)
    assert above is not not_above
