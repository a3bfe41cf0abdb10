"""The JSON Schema of `edp.yaml`, for editors."""

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from edp.core.contract.config import Config
from edp.core.contract.units import duration_text


class _Generated(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 (the overridden signature)
        return duration_text(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that `edp.yaml` follows.

    >>> schema()["$defs"]["Retry"]["properties"]["cap"]["default"]
    '5min'
    """
    generated = Config.model_json_schema(schema_generator=_Generated)
    return {"$schema": _Generated.schema_dialect, **generated, "title": "edp.yaml"}
