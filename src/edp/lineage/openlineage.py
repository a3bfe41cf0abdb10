"""Lineage in OpenLineage's words, into a file or to a server.

A run has one id for all that is told of it, made from its own, so that telling it twice is the
same as telling it once.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    processing_engine_run,
    schema_dataset,
)
from openlineage.client.transport.file import FileConfig, FileTransport
from openlineage.client.transport.http import (
    ApiKeyTokenProvider,
    HttpConfig,
    HttpTransport,
    TokenProvider,
)

from edp.core.clock import iso
from edp.core.contract.later import VERSION
from edp.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openlineage.client.transport.transport import Transport

    from edp.lineage.port import RunTold

PRODUCER: Final = f"urn:edp:{VERSION}"
_NAMES: Final = uuid.UUID("6d1d0f0e-5a0c-5a0b-9c37-3a2f1b6f7f10")
_TIMEOUT_S: Final = 5.0


class OpenLineage:
    """Run events of OpenLineage, given to `transport`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def emit(self, run: RunTold) -> None:
        """Tell of its start and its end."""
        for event in run_events(run):
            try:
                self._transport.emit(event)
            except Exception as error:
                # whatever the library or the server says: it is told again
                why = f"{type(error).__name__}: {error}"
                raise StoreUnavailable(f"nobody takes the lineage of runs: {why}") from error


def to_file(path: Path) -> Transport:
    """What appends events to the file at `path`, one a line."""
    return FileTransport(FileConfig(log_file_path=str(path), append=True))


def to_server(url: str, api_key: str) -> Transport:
    """What posts events to the server at `url`; without retries, which are ours."""
    auth = ApiKeyTokenProvider({"apiKey": api_key}) if api_key else TokenProvider({})
    return HttpTransport(HttpConfig(url=url, timeout=_TIMEOUT_S, retry={"total": 0}, auth=auth))


def run_events(run: RunTold) -> Iterator[RunEvent]:
    """The start and the end of a run, as OpenLineage has them."""
    namespace = f"edp://{run.pipeline}"
    job = Job(
        namespace=namespace,
        name=run.dataset,
        facets={
            "jobType": job_type_job.JobTypeJobFacet(
                processingType="BATCH", integration="EDP", jobType="JOB"
            )
        },
    )
    facets: dict[str, Any] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=VERSION, name=f"EDP {run.engine}"
        )
    }
    if run.error:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=run.error, programmingLanguage="python"
        )
    inputs = [
        InputDataset(
            namespace="file",
            name=source.place,
            inputFacets={
                "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                    rowCount=source.rows, size=source.bytes, fileCount=1
                )
            },
        )
        for source in run.sources
    ]
    outputs = [] if run.table is None else [_table(run, namespace)]
    end = RunState.ABORT if run.stopped else RunState.FAIL if run.error else RunState.COMPLETE
    about = Run(str(uuid.uuid5(_NAMES, run.run_id)), facets)
    for state, at in ((RunState.START, run.started_at), (end, run.ended_at)):
        yield RunEvent(
            eventType=state,
            eventTime=iso(at),
            producer=PRODUCER,
            inputs=inputs,
            outputs=outputs,
            run=about,
            job=job,
        )


def _table(run: RunTold, namespace: str) -> OutputDataset:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=name, type=kind)
        for name, kind in (run.table or {}).items()
    ]
    return OutputDataset(
        namespace=namespace,
        name=run.dataset,
        facets={"schema": schema_dataset.SchemaDatasetFacet(fields=fields)},
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=run.rows_written
            )
        },
    )
