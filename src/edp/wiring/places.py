"""What a deployed pipeline's parts are called, as a function's environment tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edp.core.contract import S3Url
from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Places:
    """Buckets, queues by URL, topics by ARN, and names; `job` and `crawler` are empty without one.

    `catalog` is where the catalog's own objects are, `work` where attempts stage.
    """

    account: str
    region: str
    source: S3Url
    target: S3Url
    rejects: S3Url
    work: S3Url
    catalog: S3Url
    queue: str
    dead_letters: str
    ledger: str
    bus: str
    arrivals: str
    alerts: str
    database: str
    workgroup: str
    etl: str
    settle: str
    job: str = ""
    crawler: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Places:
        """The places that a function's environment names.

        Raises: ConfigError where it names one not.
        """
        try:
            alerts = environ["EDP_ALERTS"]
            _, _, _, region, account, _ = alerts.split(":")
            return cls(
                account=account,
                region=region,
                source=S3Url.parse(environ["EDP_SOURCE"]),
                target=S3Url.parse(environ["EDP_TARGET"]),
                rejects=S3Url.parse(environ["EDP_REJECTS"]),
                work=S3Url.parse(environ["EDP_WORK"]),
                catalog=S3Url.parse(environ["EDP_CATALOG"]),
                queue=environ["EDP_QUEUE"],
                dead_letters=environ["EDP_DEAD_LETTERS"],
                ledger=environ["EDP_LEDGER"],
                bus=environ["EDP_BUS"],
                arrivals=environ["EDP_ARRIVALS"],
                alerts=alerts,
                database=environ["EDP_DATABASE"],
                workgroup=environ["EDP_WORKGROUP"],
                etl=environ["EDP_ETL"],
                settle=environ["EDP_SETTLE"],
                job=environ["EDP_JOB"],
                crawler=environ["EDP_CRAWLER"],
            )
        except KeyError as error:
            raise ConfigError(
                f"{error.args[0]} is not set: this function was not deployed by this version of "
                "EDP; run `edp deploy` again"
            ) from error
