"""What an adapter cannot promise, and why: each is a test that has to fail for it."""

from typing import Final

GAPS: Final = {
    ("s3", "test_the_same_bytes_put_again_can_be_told_from_the_first"): (
        "S3 tells the time of a write in whole seconds, and the etag is that of the bytes"
    ),
    ("sqlite", "test_an_event_without_sequencer_is_known_after_the_heads_time_moved"): (
        "moving the head's event time forgets the one it came with"
    ),
    ("sqs", "test_the_oldest_message_is_known_hidden_or_not"): (
        "CloudWatch knows it, and moto tells CloudWatch nothing of its queues"
    ),
    ("sns", "test_when_one_subscriber_cannot_be_told_none_is"): (
        "SNS owes each subscriber its own delivery, and retries it"
    ),
}
"""Adapter and test to reason."""
