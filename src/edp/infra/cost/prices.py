"""List prices of AWS in `REGION`, as they were in `AS_OF`, in US dollars: check them again.

They are for the first tier of use, without taxes, discounts and free tiers, which an account has
once for all that runs in it. Where a price comes from stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

REGION: Final = "us-east-1"
AS_OF: Final = "2026-11"
CHECK: Final = "https://calculator.aws"


@dataclass(frozen=True)
class Price:
    """What `per` of a service's units cost (USD)."""

    service: str
    unit: str
    usd: Decimal
    per: int
    source: str

    def of(self, quantity: Decimal) -> Decimal:
        """What so many units cost.

        >>> SNS.of(Decimal(1000))
        Decimal('0.0005')
        """
        return quantity * self.usd / self.per


def _price(service: str, unit: str, usd: str, source: str, *, per: int = 1) -> Price:
    return Price(service, unit, Decimal(usd), per, source)


_MILLION: Final = 1_000_000
_GLUE: Final = "AWS Glue pricing; the rows of its price list in effect since 2024-11-01"
_LAMBDA: Final = "AWS Lambda pricing, x86, read 2026-05"
_S3: Final = "Amazon S3 pricing, S3 Standard"
_DYNAMODB: Final = "Amazon DynamoDB pricing, on demand, as lowered in 2024-11"
_CLOUDWATCH: Final = "Amazon CloudWatch pricing, read 2026-02"

GLUE: Final = _price("Glue", "DPU-hour", "0.44", _GLUE)
CATALOG: Final = _price("Glue catalog", "request", "1", "AWS Glue pricing", per=_MILLION)
CALLS: Final = _price("Lambda", "call", "0.20", _LAMBDA, per=_MILLION)
MEMORY: Final = _price("Lambda", "GB-second", "0.0000166667", _LAMBDA)
PUTS: Final = _price("S3", "put, copy or list", "0.005", _S3, per=1000)
GETS: Final = _price("S3", "get", "0.0004", _S3, per=1000)
KEPT: Final = _price("S3", "GB-month", "0.023", _S3)
WRITES: Final = _price("DynamoDB", "write unit", "0.625", _DYNAMODB, per=_MILLION)
READS: Final = _price("DynamoDB", "read unit", "0.125", _DYNAMODB, per=_MILLION)
ROWS: Final = _price(
    "DynamoDB", "GB-month", "0.45", f"{_DYNAMODB}: 0.25, and 0.20 for point-in-time recovery"
)
SNS: Final = _price("SNS", "message", "0.50", "Amazon SNS pricing", per=_MILLION)
SQS: Final = _price("SQS", "request", "0.40", "Amazon SQS pricing, standard queues", per=_MILLION)
EVENTS: Final = _price(
    "EventBridge", "event", "1", "Amazon EventBridge pricing, custom events", per=_MILLION
)
ALARMS: Final = _price("CloudWatch", "alarm-month", "0.10", _CLOUDWATCH)
METRICS: Final = _price("CloudWatch", "metric-month", "0.30", _CLOUDWATCH)
DASHBOARDS: Final = _price("CloudWatch", "dashboard-month", "3", _CLOUDWATCH)
LOGS: Final = _price("CloudWatch", "GB of log", "0.50", _CLOUDWATCH)
TRACES: Final = _price("X-Ray", "trace", "5", "AWS X-Ray pricing", per=_MILLION)
SECRETS: Final = _price("Secrets Manager", "secret-month", "0.40", "AWS Secrets Manager pricing")
KEYS: Final = _price("KMS", "key-month", "1", "AWS KMS pricing")
ATHENA: Final = _price("Athena", "TB scanned", "5", "Amazon Athena pricing, per query")
