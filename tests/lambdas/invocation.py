"""What Lambda says of an invocation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Invocation:
    """What Lambda says of an invocation that has a minute left."""

    function_name: str = "shop-etl"
    aws_request_id: str = "r-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000
