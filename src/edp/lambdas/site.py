"""The pipeline that a function belongs to, kept from one invocation to the next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edp.lambdas.running import Kept
from edp.wiring.deployed import of_environment

if TYPE_CHECKING:
    from edp.wiring.deployed import Deployed


def _of_environment() -> Deployed:
    return of_environment(os.environ)


here: Kept[Deployed] = Kept(_of_environment)
"""The pipeline."""
