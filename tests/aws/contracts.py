"""The contracts that are deployed: each is synthesised once, and deployed under many names.

Every name in a template follows from the contract's. So a deployment is the template with a name of
its own in place of the contract's; a test of the templates proves that this is no other template.
"""

from __future__ import annotations

from typing import Final

DAILY: Final = """
  daily:
    columns:
      fips: {type: string}
      admin2: {type: string}
      province_state: {type: string}
      country_region: {type: string}
      last_update:
        type: timestamp
        formats: ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%m/%d/%y %H:%M"]
      latitude: {type: double}
      longitude: {type: double}
      lat: {type: double}
      long_: {type: double}
      confirmed: {type: bigint}
      deaths: {type: bigint}
      recovered: {type: bigint}
      active: {type: bigint}
      combined_key: {type: string}
      incidence_rate: {type: double}
      case_fatality_ratio: {type: double}
"""
INCOMING: Final = DAILY.replace("daily:", "incoming:")
ORDERS: Final = """
  orders:
    columns:
      order_id: {type: bigint, required: true}
      order_date: {type: date}
      card: {type: string, mask: sha256}
    partition_by: [order_date]
    max_reject_ratio: 0.5
"""
ALERTS: Final = """
alerts:
  pagerduty: {routing_key: "${PAGERDUTY_ROUTING_KEY}"}
  slack: {webhook_url: "${SLACK_WEBHOOK_URL}"}
"""


def _contract(name: str, *, aws: str = "", datasets: str = "", rest: str = "") -> str:
    where = f"region: us-east-2, source: s3://{name}-source/in/, target: s3://{name}-target/tables/"
    told = f"datasets:{datasets}" if datasets else ""
    return f"name: {name}\nruntimes:\n  aws: {{{where}{aws}}}\n{told}{rest}"


CHAIN: Final = {
    "chain-plain": _contract("chain-plain"),
    "chain-typed": _contract(
        "chain-typed", aws=", catalog: direct", datasets=DAILY + INCOMING + ORDERS, rest=ALERTS
    ),
    "chain-spark": _contract(
        "chain-spark", aws=", engine: spark, catalog: direct", datasets=ORDERS
    ),
}
"""By name: nothing declared, and crawled; all declared, and registered; every batch by the job."""
