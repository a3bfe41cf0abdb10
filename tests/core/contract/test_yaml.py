"""The text of the contract: YAML 1.2 scalars, lines, duplicates, merges, limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edp.core.contract import Config, ContractError, parse
from edp.core.contract.nodes import MAX_CHARACTERS
from tests.core.contract.refusal import refused


@pytest.mark.parametrize(
    "text", ["", "\ufeff# \n", "\n\n", "# nothing yet\n", "---\n", "\ufeff", "--- # x\n...\n"]
)
def test_a_file_without_settings_gives_the_defaults(text: str) -> None:
    config = parse(text, environ={})

    assert config == Config()


@pytest.mark.parametrize("empty", ["", "~", "null", "NULL"])
def test_a_setting_without_a_value_counts_as_absent(empty: str) -> None:
    config = parse(f"name: {empty}\nbatch: {{max_files: {empty}}}\ndatasets: {empty}", environ={})

    assert config == Config()


def test_a_dataset_and_a_column_may_be_given_by_name_alone() -> None:
    config = parse("datasets:\n  orders:\n    columns:\n      id:\n  refunds:\n", environ={})

    assert list(config.datasets) == ["orders", "refunds"]
    assert list(config.datasets["orders"].columns) == ["id"]


@pytest.mark.parametrize(
    "word",
    [
        "NO",
        "no",
        "on",
        "Yes",
        "1e3",
        "010",
        "0o14",
        "0x1F",
        "1:30",
        "2025-09-02",
        "1_000",
        "null",
        "~",
        ".inf",
        "=",
        "true",
        "1.10",
        "NaN",
    ],
)
def test_a_word_in_a_list_stays_the_text_that_was_written(word: str) -> None:
    config = parse(f"datasets: {{orders: {{nulls: [{word}, N/A]}}}}", environ={})

    assert config.dataset("orders").nulls == (word, "N/A")


@pytest.mark.parametrize("word", ["no", "on", "1e3", "1:30", "2025-09-02", "true", "null", "007"])
def test_a_name_stays_the_text_that_was_written(word: str) -> None:
    config = parse(f"datasets: {{orders: {{columns: {{{word}: {{required: true}}}}}}}}", environ={})

    assert list(config.dataset("orders").columns) == [word]


def test_quoted_numbers_are_numbers_where_a_number_is_wanted() -> None:
    config = parse('batch: {max_files: "10"}\nname: "on"', environ={})

    assert config.batch.max_files == 10
    assert config.name == "on"


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    text = "name: shop\nbatch:\n  max_files: 1\n  max_files: 2\nname: other\n"

    lines = refused(text)

    assert lines == [
        "1: name: given twice, on lines 1 and 5; remove one",
        "3: batch.max_files: given twice, on lines 3 and 4; remove one",
    ]


def test_a_dataset_given_twice_is_refused_and_its_other_problems_are_told() -> None:
    text = "datasets:\n  orders: {format: cvs}\n  orders: {}\n"

    lines = refused(text)

    assert lines[0] == "2: datasets.orders: given twice, on lines 2 and 3; remove one"
    assert lines[1].startswith("2: datasets.orders.format: ")


def test_merged_settings_give_way_to_own_ones() -> None:
    text = """
datasets:
  orders: &orders
    max_reject_ratio: 0.1
    nulls: [X]
    columns: &columns {id: {type: bigint}, note: {type: string}}
  refunds:
    <<: *orders
    max_reject_ratio: 0.2
    columns:
      <<: [*columns, {note: {type: date}, more: {}}]
      id: {type: int}
"""

    refunds = parse(text, environ={}).dataset("refunds")

    assert refunds.max_reject_ratio == 0.2
    assert refunds.nulls == ("X",)
    assert {n: c.type for n, c in refunds.columns.items()} == {
        "id": "int",
        "note": "string",
        "more": None,
    }


def test_a_merged_setting_has_the_line_where_it_is_written() -> None:
    text = "datasets:\n  a: &a {path: a/**,\n    format: cvs}\n  b:\n    <<: *a\n    path: b/**\n"

    lines = refused(text)

    assert [line.split(": ")[:2] for line in lines] == [
        ["3", "datasets.a.format"],
        ["3", "datasets.b.format"],
    ]


def test_a_quoted_merge_key_is_an_ordinary_name() -> None:
    config = parse("datasets: {a: {columns: {'<<': {type: int}}}}", environ={})

    assert list(config.dataset("a").columns) == ["<<"]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("name: a\nbatch: [1,\n", 2, "close the bracket"),
        ("name: a\nbatch:\n\tmax_files: 1", 3, "indent with spaces"),
        ("name: a\nname: 'shop", 2, "close the quote"),
        ("name: a\npath: b: c", 2, "in quotes"),
        ("\nname: @shop", 2, "in quotes"),
        ("name: a\nbatch:\n    max_files: 1\n  max_wait: 1s", 4, "indentation"),
        ("name: a\nretry: {base: ${BASE}}", 2, 'put "${NAME}" in quotes'),
        ("name: a\n\x01", 2, "the character '\\x01'; remove it"),
        ("name: \ud800", 1, "the character '\\ud800'; remove it"),
        ("name: a\n---\nname: b", 2, "remove the '---'"),
        ("name: a\nbatch: *b", 2, "*b stands for nothing; put &b before it"),
        ("batch: &a {b: *a}", 1, "*a stands for nothing"),
        ("name: a\nbatch: !!python/object:os.system {}", 2, "tags"),
        ("name: !shop a", 1, "tags"),
        ("[a, b]: 1", 1, "a setting's name is a text"),
        ("- a\n- b", 1, "write `name: value` lines"),
        ("shop", 1, "write `name: value` lines"),
        ("name: a\n<<: 3", 2, "'<<' takes a mapping"),
        ("name: a\nbatch: " + "[" * 100_000, 2, "nested more than 32 levels deep"),
        ("name: a\nbatch: " + "{a: " * 100_000, 2, "nested more than 32 levels deep"),
        ("#" * (MAX_CHARACTERS + 1), 1, "longer than"),
    ],
)
def test_what_is_no_mapping_of_settings_is_refused_with_its_line(
    text: str, line: int, told: str
) -> None:
    lines = refused(text)

    assert len(lines) == 1
    assert lines[0].startswith(f"{line}: ")
    assert told in lines[0]


@pytest.mark.parametrize("brackets", ["[{}]", "{{<<: [{}]}}", "{{k: [{}]}}"])
def test_aliases_that_multiply_are_refused(brackets: str) -> None:
    doubled = [f"a{n}: &a{n} {brackets.format(f'*a{n - 1}, ' * 9)}\n" for n in range(1, 12)]

    lines = refused("a0: &a0 {x: 1}\n" + "".join(doubled))

    assert "aliases make more than 200,000 values" in lines[0]


@pytest.mark.parametrize("brackets", ["[{}]", "{{<<: {}}}"])
def test_aliases_that_nest_are_refused(brackets: str) -> None:
    chained = [f"a{n}: &a{n} {brackets.format(f'*a{n - 1}')}\n" for n in range(1, 2_000)]

    lines = refused("a0: &a0 {x: 1}\n" + "".join(chained))

    assert "aliases nest more than 32 levels deep" in lines[0]


@given(st.text(alphabet=st.characters()) | st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,?<$ \n\t\\x0u"))
def test_any_text_is_a_contract_or_is_refused(text: str) -> None:
    try:
        parse(text, environ={})
    except ContractError as error:
        assert error.problems  # noqa: PT017 (a text that is taken is as good)
