"""Bytecode for what is packed, so that a function that starts compiles nothing.

A place that cannot be written to, as Lambda's is, keeps no bytecode of its own: every new instance
would compile every module that it imports. What is packed here is used without a look at the
source (PEP 552, "unchecked"), and the source lies beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC: Final = MAGIC_NUMBER.hex()
"""What changes when Python's bytecode does."""
_COMPILE: Final = (
    *(sys.executable, "-s", "-S", "-m", "compileall", "-q"),
    *("--invalidation-mode", "unchecked-hash"),
)


def compiled(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The bytecode of `sources`, by its name beside them.

    What is no Python of this version has none. The same sources give the same bytes.
    """
    with tempfile.TemporaryDirectory(prefix="edp-bytecode-") as made:
        root = Path(made)
        for name, text in sources.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        # a process of its own: what one has interned before shows in its bytecode
        subprocess.run(  # noqa: S603 (this Python, and a folder made here)
            [*_COMPILE, "-s", made, made],
            env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": ""},
            stdout=subprocess.DEVNULL,
            check=False,  # files for other versions of Python are among them
        )
        found = sorted(root.rglob("*.pyc"))
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
