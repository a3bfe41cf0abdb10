"""What every group of settings is: frozen, and closed to settings nobody knows."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

T = TypeVar("T")


class Settings(BaseModel):
    """A group of settings; one that is given without a value counts as absent."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {k: v for k, v in data.items() if v is not None or k not in cls.model_fields}


def _or_nothing(value: object) -> object:
    return {} if value is None else value


Entry = Annotated[T, BeforeValidator(_or_nothing)]
"""A named group of settings, such as a dataset, that may be given by its name alone."""
