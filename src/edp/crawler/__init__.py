"""The crawler stage: finds Parquet that others put into the target, and says what is in it."""
