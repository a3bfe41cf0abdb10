"""Every kind of problem: its line, its setting, what is wrong, and the way out."""

import pickle
from pathlib import Path

import pytest

from edp.core.contract import ContractError, Problem, parse
from edp.core.errors import ConfigError
from tests.core.contract.refusal import refused

LATER = "not available in this version"  # told as well, and tested beside its table

_TEXT = (Path(__file__).parent / "refusals.txt").read_text(encoding="utf-8")
REFUSALS = {
    block: block.split("\n=> ") for block in _TEXT.strip().split("\n\n") if "\n=> " in block
}


@pytest.mark.parametrize(("text", "told"), REFUSALS.values(), ids=REFUSALS)
def test_a_wrong_setting_is_told_with_its_line_and_the_way_out(text: str, told: str) -> None:
    lines = refused(text)

    assert [line for line in lines if LATER not in line] == [told]


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_its_lines() -> None:
    text = """
datasets:
  orders:
    columns:
      id: {typ: bigint}
      day: {type: dat}
      a: {rename: same}
      b: {rename: same}
    table: iceberg
retry:
  base: 10min
  cap: 1min
  max_attempts: none
batch:
  max_wait: ${WAIT}
  max_bytes: lots
"""

    lines = refused(text)

    assert [line.split(": ", maxsplit=2)[:2] for line in lines] == [
        ["5", "datasets.orders.columns.id.typ"],
        ["6", "datasets.orders.columns.day.type"],
        ["8", "datasets.orders.columns.b"],
        ["9", "datasets.orders.table"],
        ["13", "retry.max_attempts"],
        ["15", "batch.max_wait"],
        ["16", "batch.max_bytes"],
    ]


def test_what_only_follows_from_a_wrong_setting_is_not_told() -> None:
    text = "datasets: {a: {columns: {b: {type: dat, formats: ['%d']}}}}"

    lines = refused(text)

    assert lines == ["1: datasets.a.columns.b.type: unknown type: 'dat'; did you mean 'date'?"]


def test_a_clash_that_a_wrong_name_makes_is_not_told() -> None:
    lines = refused("datasets: {a: {columns: {b: {rename: c}, c: {rename: X}}}}")

    assert [line.split(": ")[1] for line in lines] == ["datasets.a.columns.c.rename"]


def test_a_name_that_does_not_print_stays_on_its_line() -> None:
    lines = refused('"a\\nb\\x1b[0m": 1')

    assert len(lines) == 1
    assert "'a\\nb\\x1b[0m': unknown setting" in lines[0]


def test_a_long_value_is_cut() -> None:
    lines = refused(f"name: {'S' * 1000}")

    assert f"'{'S' * 40}'..." in lines[0]
    assert len(lines[0]) < 200


def test_the_error_is_one_of_configuration_and_has_its_problems_as_values() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("nam: shop", environ={}, name="other.yaml")

    assert isinstance(caught.value, ContractError)
    assert caught.value.problems == (Problem(1, "nam", "unknown setting; did you mean 'name'?"),)
    assert str(caught.value) == "other.yaml:1: nam: unknown setting; did you mean 'name'?"


def test_the_error_survives_the_way_between_processes() -> None:
    error = ContractError([Problem(1, "name", "wrong")], name="a.yaml")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)

    assert isinstance(again, ContractError)
    assert (again.problems, str(again)) == (error.problems, str(error))
