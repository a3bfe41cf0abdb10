"""What happened, and what is wrong now, as a person and a script read it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

EDP = [sys.executable, "-c", "from edp.cli import main; main()"]
PATIENCE_S = 30.0


def files(tmp_path: Path) -> tuple[str, str]:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.parquet"
    good.write_text("a\n1\n", "utf-8")
    bad.write_bytes(b"PAR1 no parquet PAR1")
    return str(good), str(bad)


def test_events_are_printed_a_line_each_and_in_eventbridges_envelope(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    nothing = edp("events").out
    edp("ingest", files(tmp_path)[0], "--dataset", "d")

    lines = edp("events").out.splitlines()
    told = edp("events", "--json").json["events"]

    assert "nothing has happened yet" in nothing
    assert len(lines) == len(told)
    assert [one["detail-type"] for one in told if one["source"] == "edp"] == [
        "EDP File State Change",
        "EDP Run State Change",
    ]
    assert {one["version"] for one in told} == {"0"}
    assert "key=d/good.csv" in lines[0]
    assert edp("events", "--last", "1").out.splitlines() == lines[-1:]


def test_following_prints_what_happens_from_now_on(edp: Callable[..., Ran], tmp_path: Path) -> None:
    good, _ = files(tmp_path)
    edp("ingest", good, "--dataset", "before")
    with subprocess.Popen(
        [*EDP, "events", "--follow", "--last", "1", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        try:
            assert follower.stdout is not None
            first = json.loads(follower.stdout.readline())
            edp("ingest", good, "--dataset", "after")
            second = json.loads(follower.stdout.readline())
            follower.terminate()
            assert follower.wait(PATIENCE_S) == 0
        finally:
            follower.kill()

    assert first["detail-type"] == "Glue Job State Change"
    assert (second["detail-type"], second["detail"]["key"]) == (
        "EDP File State Change",
        "after/good.csv",
    )


def test_alarms_are_printed_with_what_to_type(edp: Callable[..., Ran], tmp_path: Path) -> None:
    nothing = edp("alarms").out
    good, bad = files(tmp_path)
    edp("ingest", bad, "--dataset", "d")
    on = edp("alarms")
    edp("dlq", "discard", "--all")
    edp("ingest", good, "--dataset", "d")
    off = edp("alarms", "--json").json["alarms"]
    changes = edp("alarms", "--history", "--json").json["history"]

    assert "no alarm was evaluated yet" in nothing
    assert on.status == 0
    assert "`edp dlq list`" in on.out
    assert "nobody evaluates them now" in on.out
    dlq = [one for one in off if one["name"] == "edp-dlq"]
    assert [(one["state"], one["threshold"], one["metric"]) for one in dlq] == [
        ("OK", 0, "ApproximateNumberOfMessagesVisible")
    ]
    assert [c["state"] for c in changes if c["name"] == "edp-dlq"] == ["ALARM", "OK"]
    assert "ALARM" in edp("alarms", "--history").out


def test_a_running_pipeline_evaluates_alarms(tmp_path: Path) -> None:
    (tmp_path / "edp.yaml").write_text(
        "runtimes: {local: {settle: 0s}}\nalarms: {disk_free: 1000TB}\n", "utf-8"
    )
    with subprocess.Popen([*EDP, "up"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            deadline = time.monotonic() + PATIENCE_S
            line = ""
            while "EDP Alarm State Change" not in line and time.monotonic() < deadline:
                line = process.stderr.readline()
        finally:
            process.kill()

    assert "edp-disk" in line


def test_an_alarm_is_over_once_its_dead_letters_are_given_up(
    edp: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("id\0n\n", "utf-8")
    edp("ingest", "bad.csv", "--dataset", "t")
    on = [one["name"] for one in edp("alarms", "--json").json["alarms"] if one["state"] == "ALARM"]

    given_up = edp("dlq", "discard", "--all")

    states = {one["name"]: one["state"] for one in edp("alarms", "--json").json["alarms"]}
    assert given_up.status == 0
    assert "edp-dlq" in on
    assert states["edp-dlq"] == "OK"


def test_metrics_are_served_until_it_is_stopped(edp: Callable[..., Ran], tmp_path: Path) -> None:
    edp("ingest", *files(tmp_path), "--dataset", "t")
    command = [*EDP, "--workspace", str(tmp_path), "metrics", "--port", "0"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            with urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310 (our own, just printed)
                text = answer.read().decode()
            process.terminate()
            status = process.wait(timeout=PATIENCE_S)
        finally:
            process.kill()

    assert address.startswith("http://127.0.0.1:")
    assert 'edp_files{dataset="t",state="committed"} 1.0' in text
    assert status == 0


def test_a_port_that_is_taken_is_named(edp: Callable[..., Ran]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        refused = edp("metrics", "--port", str(port))

    assert refused.status == 2
    assert f"cannot serve metrics at 127.0.0.1:{port}" in refused.err
