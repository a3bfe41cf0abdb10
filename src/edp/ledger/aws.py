"""The ledger on AWS, in DynamoDB: acceptance, runs, receipts."""

from edp.ledger.dynamo.accept import DynamoLedger
from edp.ledger.dynamo.receipts import DynamoReceipts
from edp.ledger.dynamo.runs import DynamoRuns

__all__ = ["DynamoLedger", "DynamoReceipts", "DynamoRuns"]
