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
    ("cloudwatch", "test_old_changes_are_forgotten"): (
        "CloudWatch drops changes by itself, after 30 days"
    ),
    ("eventbridge", "test_what_did_not_commit_did_not_happen"): (
        "nothing spans what a run writes and its events; they are put after it"
    ),
    ("eventbridge", "test_a_target_that_breaks_undoes_nothing_and_an_event_tells_of_it"): (
        "EventBridge tells no caller what became of a target; its dead-letter queue has that"
    ),
    ("eventbridge", "test_a_target_that_cannot_write_now_takes_the_event_back"): (
        "EventBridge tries its targets for a day by itself, and takes no event back"
    ),
    ("dynamo", "test_what_did_not_commit_is_not_owed"): (
        "nothing spans what a run writes and its alerts; they are made of events, which come after"
    ),
    ("sns", "test_when_one_subscriber_cannot_be_told_none_is"): (
        "SNS owes each subscriber its own delivery, and retries it"
    ),
}
"""Adapter and test to reason."""
