"""Which dataset a key belongs to, and what a dataset's name gives."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.contract import Config, Dataset, parse
from edp.core.contract.keyglob import compiled
from edp.core.errors import ConfigError


def matches(glob: str, key: str) -> bool:
    return compiled(glob).fullmatch(key) is not None


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("orders/**", ["orders/a", "orders/b/c"], ["orders", "orders/", "orders2/a", "x/orders/a"]),
        ("orders/*", ["orders/a.csv"], ["orders/b/a.csv", "orders", "Orders/a.csv"]),
        ("**", ["a", "a/b"], [""]),
        ("**/a.csv", ["a.csv", "x/a.csv", "x/y/a.csv"], ["xa.csv", "x/a.csv/y"]),
        ("in/**/a.csv", ["in/a.csv", "in/x/y/a.csv"], ["in/xa.csv", "a.csv"]),
        ("in/**/x/**/y", ["in/x/y", "in/a/x/b/c/y", "in/x/x/y"], ["in/y", "in/x", "in/a/y"]),
        ("a/**/**/b", ["a/b", "a/x/b"], ["a/x"]),
        ("??.csv", ["ab.csv"], ["a.csv", "abc.csv", "a/.csv"]),
        ("a?b", ["a-b"], ["a/b"]),
        ("[a-c][!0-9]", ["ax", "c-"], ["dx", "a5", "a/"]),
        ("[^a]", ["b"], ["a", "/"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[!]a]", ["b"], ["]", "a"]),
        ("a[+-9]b", ["a5b"], ["a/b"]),
        ("[-a][b-]", ["-b", "a-"], ["cb"]),
        ("[*]", ["*"], ["a"]),
        ("a.csv", ["a.csv"], ["aXcsv"]),
        ("$(x)+|^", ["$(x)+|^"], ["x"]),
        (r"a\*", ["a\\b"], ["a*"]),
        ("a*a", ["aa", "aba", "aaa"], ["a", "ab"]),
        ("*a*b*c", ["abc", "xaybzc", "abcbc"], ["acb", "ab", "abc/abc"]),
        ("*ab*b", ["abab"], ["ab"]),
        ("a/**", ["a/b\n/c\nd"], []),
        ("*\n", ["a\n"], ["a"]),
        ("größe/*", ["größe/ü.csv"], ["grosse/a"]),
    ],
)  # fmt: skip
def test_a_glob_matches_these_keys_and_not_those(glob: str, yes: list[str], no: list[str]) -> None:
    assert [key for key in yes if not matches(glob, key)] == []
    assert [key for key in no if matches(glob, key)] == []


def plainly(glob: str, key: str) -> bool:
    """What a glob means, tried out letter by letter and segment by segment."""
    return _segments(glob.split("/"), key.split("/"))


def _segments(globs: list[str], keys: list[str]) -> bool:
    if not globs:
        return not keys
    if globs == ["**"]:
        return "/".join(keys) != ""
    if globs[0] == "**":
        return any(_segments(globs[1:], keys[n:]) for n in range(len(keys) + 1))
    return bool(keys) and _letters(globs[0], keys[0]) and _segments(globs[1:], keys[1:])


def _letters(glob: str, key: str) -> bool:
    if not glob:
        return not key
    if glob[0] == "*":
        return any(_letters(glob[1:], key[n:]) for n in range(len(key) + 1))
    return bool(key) and glob[0] in ("?", key[0]) and _letters(glob[1:], key[1:])


SEGMENTS = st.one_of(st.just("**"), st.text("ab*?", min_size=1, max_size=5)).filter(
    lambda s: s == "**" or "**" not in s
)
GLOBS = st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join)
KEYS = st.text("ab/", min_size=1, max_size=12)


@given(GLOBS, KEYS)
def test_a_glob_means_what_it_says(glob: str, key: str) -> None:
    assert matches(glob, key) == plainly(glob, key)


@given(
    st.text(st.characters(exclude_characters="/*?["), min_size=1).filter(
        lambda s: s not in (".", "..")
    )
)
def test_other_characters_stand_for_themselves(text: str) -> None:
    assert matches(text, text)
    assert not matches(text, text + "x")


@pytest.mark.parametrize("glob", ["*a" * 30 + "b", "**/a*a*a/" * 12 + "b", "*a*" * 20 + "b"])
def test_no_glob_takes_long(glob: str) -> None:
    glob = glob.replace("**a", "*a")
    started = time.perf_counter()

    matches(glob, "a" * 1000)
    matches(glob, "aaa/" * 250)

    assert time.perf_counter() - started < 2  # s


def test_a_glob_is_compiled_once() -> None:
    first = compiled("orders/*.csv")

    assert isinstance(first, re.Pattern)
    assert compiled("orders/*.csv") is first


def test_the_first_matching_dataset_in_the_file_s_order_takes_the_key() -> None:
    text = "datasets: {z: {path: 'in/*.csv'}, a: {path: 'in/**'}, orders: }"
    config = parse(text, environ={})

    assert config.dataset_for("in/x.csv") == "z"
    assert config.dataset_for("in/x.json") == "a"
    assert config.dataset_for("orders/2025/x.csv") == "orders"
    assert config.dataset_for("other/x.csv") is None
    assert config.datasets["orders"].path == "orders/**"


@pytest.mark.parametrize("text", ["", "name: shop", "datasets:", "datasets: {}"])
def test_without_declared_datasets_the_first_folder_is_the_dataset(text: str) -> None:
    config = parse(text, environ={})

    assert config.dataset_for("Web Orders/2025/a.csv") == "web_orders"
    assert config.dataset_for("2025/a.csv") == "_2025"
    assert config.dataset("web_orders") == Dataset()


@pytest.mark.parametrize(
    "key",
    [
        "a.csv",
        "/a.csv",
        "--/a.csv",
        "",
        "edp/a.csv",
        "edp files/a",
        "x__rejects/a",
        "x" * 200 + "/a",
    ],
)
def test_a_key_whose_folder_names_no_table_has_no_dataset(key: str) -> None:
    assert Config().dataset_for(key) is None


def test_an_undeclared_dataset_is_refused_where_others_are_declared() -> None:
    config = parse("datasets: {orders: }", environ={})

    with pytest.raises(ConfigError, match=r"no dataset 'order'; did you mean 'orders'\?"):
        config.dataset("order")
    with pytest.raises(ConfigError, match=r"no dataset 'x'; there are orders"):
        config.dataset("x")
