"""The ledger of a workspace, in SQLite: acceptance, runs, receipts."""

from edp.ledger.accept import LocalLedger
from edp.ledger.receipts import LocalReceipts
from edp.ledger.runs import LocalRuns

__all__ = ["LocalLedger", "LocalReceipts", "LocalRuns"]
