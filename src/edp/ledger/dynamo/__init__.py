"""The ledger in one DynamoDB table: acceptance, runs, receipts."""
