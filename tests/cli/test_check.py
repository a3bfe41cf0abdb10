"""Commands that look for what is wrong, as a person and as a script read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran


def test_an_audit_names_what_is_wrong_and_fails(edp: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n", "utf-8")
    edp("ingest", "a.csv", "--dataset", "t")

    sound = edp("audit", "--deep")
    (lost,) = (tmp_path / "lake/target/t").iterdir()
    lost.unlink()
    told = edp("audit")
    for_scripts = edp("audit", "--json")

    assert (sound.status, told.status, for_scripts.status) == (0, 1, 1)
    assert sound.out.endswith("everything holds\n")
    assert f"files: target/t/{lost.name}: it is not there; put it back from a backup" in told.out
    assert told.out.endswith("1 finding\n")
    assert (for_scripts.json["holds"], for_scripts.json["deep"]) == (False, False)
    (proof,) = [one for one in for_scripts.json["proofs"] if not one["holds"]]
    assert (proof["name"], proof["checked"]) == ("files", 1)
    assert [one["subject"] for one in proof["findings"]] == [f"target/t/{lost.name}"]


def test_a_doctor_says_what_is_wrong_and_how_to_mend_it(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "edp.yaml").write_text("bath: {}\n", "utf-8")

    told = edp("doctor")
    for_scripts = edp("doctor", "--json")
    elsewhere = edp("--on", "aws", "doctor")

    assert (told.status, for_scripts.status, elsewhere.status) == (1, 1, 2)
    assert "did you mean 'batch'?" in told.out
    assert "\ncontract: mend edp.yaml; `edp validate` checks it\n" in told.out
    assert for_scripts.json["healthy"] is False
    failed = {one["name"] for one in for_scripts.json["checks"] if one["status"] == "fail"}
    assert "contract" in failed
    assert not (tmp_path / "lake").exists()
