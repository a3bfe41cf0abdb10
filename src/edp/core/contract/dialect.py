"""How a dataset's CSV files are written; `auto` finds it out for each file."""

import codecs
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from edp.core.contract.invalid import invalid
from edp.core.contract.model import Settings
from edp.core.contract.units import Whole, flag


def _delimiter(text: str) -> str:
    if text != "auto" and (len(text) != 1 or text in "\r\n\0"):
        raise invalid(
            "not one character", r'write auto, or one character in quotes, e.g. ";" or "\t"'
        )
    return text


def _mark(text: str) -> str:
    if len(text) > 1 or text in ("\r", "\n", "\0") or not text.isascii():
        way_out = """write one character, e.g. '"', or "" for none"""
        raise invalid("not one character of ASCII", way_out)
    return text


def _header(value: object) -> object:
    if value == "auto" or isinstance(value, bool):
        return value
    try:
        return flag(value if isinstance(value, str) else "")
    except ValueError:
        raise invalid("not auto, true or false", "write auto, true or false") from None


def _encoding(text: str) -> str:
    if text == "auto":
        return text
    try:
        "a".encode(text)  # what has no text, such as hex, is no encoding
        decoder = codecs.getincrementaldecoder(text)("backslashreplace")
        decoder.decode(b"a")  # what is for names, such as idna, is none of files
        return codecs.lookup(text).name
    except (LookupError, ValueError):
        raise invalid("unknown encoding", "write auto, or e.g. utf-8, utf-16, cp1252") from None


Mark = Annotated[str, AfterValidator(_mark)]


class Csv(Settings):
    """One file's dialect; an empty `quote` or `escape` means that there is none."""

    delimiter: Annotated[str, AfterValidator(_delimiter)] = "auto"
    quote: Mark = '"'
    escape: Mark = '"'
    header: Annotated[
        Literal["auto"] | bool,
        BeforeValidator(_header),
        WithJsonSchema({"enum": ["auto", True, False]}),
    ] = "auto"
    encoding: Annotated[str, AfterValidator(_encoding)] = "auto"
    skip_rows: Annotated[Whole, Field(ge=0), WithJsonSchema({"type": "integer", "minimum": 0})] = 0

    @model_validator(mode="after")
    def _distinct(self) -> "Csv":
        if self.delimiter in (self.quote, self.escape):
            raise invalid("the quote or the escape, too", "take another one", at=("delimiter",))
        return self
