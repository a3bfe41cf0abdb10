"""One process at a time works a workspace."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edp.backends.lock import exclusively


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lake" / ".lock"

    with exclusively(path) as first, exclusively(path) as second:
        held = (first, second)
    with exclusively(path) as third:
        assert (*held, third) == (True, False, True)


HOLDING = """
import sys, time
from pathlib import Path
from edp.backends.lock import exclusively
with exclusively(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(60)
"""


@pytest.mark.kill
def test_the_holders_death_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    with exclusively(path) as during:
        pass

    process.send_signal(signal.SIGKILL)
    process.communicate()

    with exclusively(path) as after:
        assert (during, after) == (False, True)
