"""`${NAME}`, the `.env` file, and secrets that no message holds."""

import traceback
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edp.core.contract import Config, ContractError, load, parse
from edp.core.contract.document import read
from edp.core.contract.environment import dotenv, expand
from edp.core.contract.findings import checked
from tests.core.contract.refusal import refused

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def nulls(text: str, **environ: str) -> tuple[str, ...]:
    return parse(f"datasets: {{a: {{nulls: [{text}]}}}}", environ=environ).dataset("a").nulls


def test_a_reference_stands_for_the_variable() -> None:
    config = parse("name: ${NAME}\nbatch: {max_files: '${N}0'}", environ={"NAME": "shop", "N": "1"})

    assert (config.name, config.batch.max_files) == ("shop", 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a${X}b${X}c'", "axbxc"),
        ("'${Y:-y}'", "y"),
        ("'${X:-y}'", "x"),
        ("'${EMPTY}'", ""),
        ("'${EMPTY:-y}'", "y"),
        ("'${Y:-}'", ""),
        ("'${Y:-a b:-c}'", "a b:-c"),
        ("'$${X}'", "${X}"),
        ("'$$$${X}'", "$${X}"),
        ("'$$${X}'", "$x"),
        ("'^a$'", "^a$"),
        ("'$X'", "$X"),
        ("'a$$'", "a$"),
        ("'${DOLLARS}'", "$$${X}"),
        ("'no${X}'", "nox"),
    ],
)
def test_references_and_dollars_are_read_like_this(text: str, expected: str) -> None:
    values = nulls(text, X="x", EMPTY="", DOLLARS="$$${X}")

    assert values == (expected,)


def test_an_unset_variable_is_refused_by_name_with_its_line() -> None:
    lines = refused("name: ${A}\nbatch:\n  max_files: ${B}${C:-1}${D}\n", C="")

    place = "in the environment or in .env"
    assert lines == [
        f"1: name: ${{A}} is not set; set A {place}, or write ${{A:-default}}",
        f"3: batch.max_files: ${{B}} is not set; set B {place}, or write ${{B:-default}}",
        f"3: batch.max_files: ${{D}} is not set; set D {place}, or write ${{D:-default}}",
    ]


@pytest.mark.parametrize(
    "text", ["${}", "${1A}", "${A-b}", "${A", "${A:-${B}}", "${ A }", "${A:b}"]
)
def test_a_reference_that_cannot_be_read_is_refused(text: str) -> None:
    lines = refused(f"\nname: '{text}'", A="a", B="b")

    way_out = "write ${NAME} or ${NAME:-default}, or $${"
    assert lines == [f"2: name: a '${{' that names nothing; {way_out}"]


def test_names_of_settings_hold_no_references() -> None:
    config = parse("datasets: {a: {columns: {'${X}': {type: int}}}}", environ={"X": "x"})

    assert list(config.dataset("a").columns) == ["${X}"]


@given(st.text())
def test_a_text_with_its_dollars_doubled_stays_itself(text: str) -> None:
    assert expand(text.replace("$", "$$"), {}) == (text, [])


@given(NAMES, st.text(), st.text(), st.text())
def test_the_value_of_a_variable_is_never_read_again(
    name: str, value: str, before: str, after: str
) -> None:
    text = before.replace("$", "$$") + f"${{{name}}}" + after.replace("$", "$$")

    expanded, wrong = expand(text, {name: value})

    assert (expanded, wrong) == (before + value + after, [])


WRONG_FOR_MOST = [
    "name: %",
    "runtimes: {local: {workers: %}}",
    "runtimes: {local: {memory: %}}",
    "runtimes: {local: %}",
    "runtimes: {local: {spark: {conf: %}}}",
    "runtimes: {aws: {region: %, source: %, target: %, engine: %, catalog: %}}",
    "batch: {max_wait: %, max_bytes: %}",
    "retry: %",
    "datasets: %",
    "datasets: {a: {path: '/%'}}",
    "datasets: {a: {path: '[%'}}",
    "datasets: {a: {format: %}}",
    "datasets: {a: {csv: {delimiter: %, quote: %, header: %, encoding: %, skip_rows: %}}}",
    "datasets: {a: {nulls: %}}",
    "datasets: {a: {nulls: [%, %]}}",
    "datasets: {a: {columns: {b: {type: %, min: %, rename: %, case: %, mask: %}}}}",
    "datasets: {a: {columns: {b: {type: '%<int>', required: %, formats: %}}}}",
    "datasets: {a: {columns: {b: {type: 'struct<%: int, %: int>', formats: [%], max: %}}}}",
    "datasets: {a: {columns: {b: {rename: %}, c: {rename: %}}}}",
    "datasets: {a: {transform: %, table: %, max_reject_ratio: %, freshness: %}}",
    "datasets: {a: {deduplicate: %}}",
    "datasets: {a: {deduplicate: {keep: %, keys: %}}}",
    "datasets: {a: {checks: [%, {name: %, expr: %, action: %}, {name: %, expr: %}]}}",
    "alerts: %",
    "alerts: {pagerduty: %, slack: %}",
    "alerts: {slack: {webhook_url: %}, pagerduty: {routing_key: [%]}}",
    "nam: %",
    "alerts: {slack: {url: %}}",
]


@pytest.mark.parametrize("text", WRONG_FOR_MOST)
@pytest.mark.parametrize("secret", ["hunter2hunter2", "-5hunter2", "a b\nhunter2", "s3://hunter2"])
def test_no_message_holds_the_value_of_a_variable(text: str, secret: str) -> None:
    text = text.replace("%", "${SECRET}" if "'" in text else '"${SECRET}"').replace("'\"", "'")

    try:
        parse(text, environ={"SECRET": secret})
    except ContractError as error:
        told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.problems)
        assert "hunter2" not in told


def test_no_message_holds_a_secret_that_stands_in_the_file_itself() -> None:
    lines = refused("alerts: {pagerduty: hunter2, slack: {webhook_url: hunter2, url: hunter2}}")

    assert len(lines) == 3
    assert "hunter2" not in "\n".join(lines)


def test_a_contract_does_not_show_its_secrets() -> None:
    text = """
alerts: {pagerduty: {routing_key: "${A}"}, slack: {webhook_url: "https://hooks.slack.com/${A}"}}
runtimes: {local: {spark: {conf: {spark.hadoop.fs.s3a.secret.key: "${A}"}}}}
"""
    config, _ = checked(read(text, {"A": "hunter2"}))

    assert config.alerts.slack is not None
    assert config.alerts.slack.webhook_url.get_secret_value() == "https://hooks.slack.com/hunter2"
    assert "hunter2" not in repr(config) + str(config) + config.alerts.model_dump_json()


def test_the_dotenv_file_beside_the_contract_gives_variables(tmp_path: Path) -> None:
    (tmp_path / "edp.yaml").write_text("name: ${NAME}\nbatch: {max_files: '${N}'}")
    (tmp_path / ".env").write_text("NAME=from-file\nN=5\n")

    config = load(tmp_path / "edp.yaml", environ={"NAME": "from-environment"})

    assert (config.name, config.batch.max_files) == ("from-environment", 5)


def test_a_dotenv_file_is_read_like_this() -> None:
    text = (
        "\ufeff# a comment\r\n\r\n  A = 1  \r\nexport B=two words # comment\nC='x # $y'\n"
        'D="a\\nb\\"c\\\\" # comment\nE=\nF=#\nG=a#b\nH=a=b\nA=2\n'
    )

    variables = dotenv(text)

    assert variables == {
        "A": "2",
        "B": "two words",
        "C": "x # $y",
        "D": 'a\nb"c\\',
        "E": "",
        "F": "",
        "G": "a#b",
        "H": "a=b",
    }


@given(NAMES, st.text(st.characters(exclude_characters="'\n\0", exclude_categories=["Cs"])))
def test_a_single_quoted_variable_is_its_text(name: str, value: str) -> None:
    assume("\r" not in value)

    assert dotenv(f"{name}='{value}'") == {name: value}


def test_a_dotenv_line_that_is_no_variable_is_refused_without_its_text(tmp_path: Path) -> None:
    (tmp_path / "edp.yaml").write_text("name: shop")
    (tmp_path / ".env").write_text("A=1\nhunter2\nB='hunter2\n1C=hunter2\n")

    with pytest.raises(ContractError) as caught:
        load(tmp_path / "edp.yaml", environ={})

    assert [p.line for p in caught.value.problems] == [2, 3, 4]
    assert str(caught.value).startswith(".env:2: not a variable; write NAME=value")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_the_environment_itself_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDP_TEST_NAME", "shop")

    lines = refused("name: ${EDP_TEST_NAME}")

    assert "${EDP_TEST_NAME} is not set" in lines[0]
    assert parse("name: ${EDP_TEST_NAME:-edp}", environ={}) == Config()
