"""What a deployment uploads, by the keys it gets there: a key changes when its content does.

functions   a zip of the EDP that runs here, with the contract
layer       a zip of the packages that handlers import, as installed here
wheel       EDP for the Glue job; pip reads name and version out of a wheel's file name
script      what Glue starts
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edp.infra import functions, glue, layer, packages

if TYPE_CHECKING:
    from pathlib import Path

    from edp.core.contract import Config

_DIGITS: Final = 16


@dataclass(frozen=True)
class Artefacts:
    """Keys in the artefacts' bucket, and what the code in them was made for.

    `modules` are the pinned distributions of the Glue job, `runtime` and `architecture` Lambda's
    words for the Python and the processor that the layer's packages are for.
    """

    functions: str
    layer: str
    wheel: str
    script: str
    modules: tuple[str, ...]
    runtime: str
    architecture: str

    @property
    def keys(self) -> tuple[str, ...]:
        """All of them; each is also the file's path below the folder that it was staged in."""
        return (self.functions, self.layer, self.wheel, self.script)


def stage(config: Config, workspace: Path, folder: Path) -> Artefacts:
    """Write the artefacts into `folder`, but for the layer, which `complete` adds.

    Raises: ConfigError where something that belongs in is not here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    packed = folder / "functions.zip"
    functions.write(config, workspace, packed)
    package = glue.build(folder)
    package.requirements.unlink()  # its lines are arguments of the job
    return Artefacts(
        functions=_placed(packed, folder),
        layer=f"layer/{layer.digest(layer.parts())[:_DIGITS]}/layer.zip",
        wheel=_placed(package.wheel, folder),
        script=_placed(package.script, folder),
        modules=tuple(glue.pins()),
        runtime=layer.runtime(),
        architecture=layer.architecture(),
    )


def complete(made: Artefacts, folder: Path) -> None:
    """Write the layer, too, unless it is there.

    Raises: ConfigError where what is installed here cannot run in Lambda, or is too much for it.
    """
    path = folder / made.layer
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        layer.write(layer.parts(), unfinished)
        unfinished.rename(path)
    packages.check_room(folder / made.functions, path)


def _placed(path: Path, folder: Path) -> str:
    """Move a file below the folder that its content names; its key."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS]
    key = f"{path.stem.partition('-')[0]}/{digest}/{path.name}"
    place = folder / key
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)
    return key
