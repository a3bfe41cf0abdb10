"""What can go wrong, what comes of it then, and the tests that prove it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Row:
    """A fault: what `comes` of it, proved by `tests` (`path::name` without `test_`).

    `left` says what of it is not proved.
    """

    fault: str
    comes: str
    tests: tuple[str, ...]
    left: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """The tests as pytest knows them."""
        return tuple(_id(one) for one in self.tests)


def _id(test: str) -> str:
    """Pytest's name of a test.

    >>> _id("kill/torture::a_seed_makes_one_plan")
    'tests/kill/test_torture.py::test_a_seed_makes_one_plan'
    """
    path, _, name = test.partition("::")
    folder, _, module = path.rpartition("/")
    return f"tests/{folder}/test_{module}.py::test_{name}"


KILLS: Final = "kill/kill_points::a_kill_at_this_point_loses_and_doubles_nothing"
TORTURE: Final = "kill/torture::a_pipeline_that_is_killed_again_and_again_loses_and_doubles_nothing"
PROCESSES: Final = (
    Row(
        "kill -9 at any named point of the flow",
        "the next start takes up what was left; no row is missing or doubled",
        (
            KILLS,
            "kill/kill_points::a_worker_killed_at_this_point_is_replaced_and_its_run_split",
            "kill/kill_points::every_point_is_killed_at",
            "cli/up::what_a_killed_process_left_is_taken_up_by_the_next",
        ),
    ),
    Row(
        "kill -9 at any time, again and again",
        "the same; `edp torture` does it for as long as you like, from a seed",
        (TORTURE, "kill/torture::the_verdict_tells_of_what_is_lost_stale_or_of_nobody"),
    ),
    Row(
        "kill -9 while data files are written",
        "what is not whole lies in a folder that no reader looks into, and goes",
        (
            "kill/kill_points::a_worker_killed_at_this_point_is_replaced_and_its_run_split",
            "etl/workers::a_worker_that_dies_fails_its_task_and_is_replaced",
        ),
    ),
    Row(
        "kill -9 while garbage is collected, files are merged, or a backup or a state is made",
        "the tables are those of before or of after; a backup is whole or is none",
        (
            "kill/kill_points::a_kill_while_garbage_is_collected_loses_nothing",
            "kill/kill_points::a_kill_while_small_files_are_merged_loses_nothing",
            "kill/kill_points::a_worker_killed_while_it_merges_loses_nothing",
            "kill/kill_points::a_kill_while_commits_are_merged_loses_nothing",
            "kill/kill_points::a_kill_while_the_state_is_made_again_loses_nothing",
            "kill/kill_points::a_kill_while_a_backup_is_made_leaves_a_whole_one_or_none",
        ),
    ),
    Row(
        "SIGTERM, Ctrl-C, the end of a Lambda's time",
        "what is under way is finished or given back, and charged to no file",
        (
            "cli/up::files_that_are_put_or_copied_in_are_loaded_and_sigterm_stops_it",
            "cli/up::a_second_signal_stops_it_at_once_and_charges_nothing",
            "aws/messages::messages_that_there_is_no_time_for_come_again",
        ),
    ),
    Row(
        "two processes want to work one workspace; a killed one left its lock",
        "one works, the others are told who; a lock ends with its process",
        (
            "backends/lock::one_holder_at_a_time",
            "backends/lock::the_holders_death_frees_the_lock",
            "pipeline/service::a_second_service_is_refused_and_told_who_works",
        ),
    ),
    Row(
        "many processes write the state at once",
        "they wait for each other; no update is lost",
        (
            "backends/sqlite::no_update_of_eight_processes_at_once_is_lost",
            "backends/sqlite::a_database_that_stays_busy_is_said_to_be_unavailable",
            "backends/together::what_was_acknowledged_before_a_kill_is_there_and_whole",
        ),
    ),
)
DISK: Final = (
    Row(
        "power loss: what was not synced is gone",
        "each file is synced, then its name, then the commit that tells of it",
        (
            "kill/durability::a_put_syncs_the_bytes_then_the_name_then_tells_the_queue",
            "kill/durability::a_new_folder_of_the_source_is_durable_before_what_is_in_it",
            "kill/durability::a_commit_syncs_the_parquet_then_its_name_then_the_catalog",
            "kill/durability::the_first_record_of_commits_is_durable_before_its_commit",
            "kill/durability::a_commit_costs_one_more_sync_and_that_comes_before_the_catalogs",
            "kill/durability::a_backup_is_on_the_disk_before_it_has_its_name",
            "backends/journal::a_journal_cut_off_anywhere_gives_back_the_commits_before",
        ),
        "The order of syncs is proved, call by call; a disk that drops what was not synced is not "
        "simulated.",
    ),
    Row(
        "the disk is full, or fails",
        "work pauses and says why; no file is charged, nothing is half published; it goes on by "
        "itself",
        (
            "pipeline/service::it_pauses_while_the_state_cannot_be_written_and_then_goes_on",
            "pipeline/service::it_pauses_while_the_disk_fails_its_workers_and_then_goes_on",
            "pipeline/service::a_pause_after_the_disk_failed_grows_and_ends_with_a_success",
            "pipeline/interleavings::a_full_disk_is_charged_to_no_file_and_all_are_tried_again_later",
            "conformance/source::a_put_onto_a_full_disk_may_succeed_later_and_leaves_nothing_behind",
            "pipeline/compact::a_disk_that_is_full_pauses_chores_too",
            "pipeline/interleavings::a_message_stays_in_the_queue_until_what_it_says_is_kept",
        ),
        "Not each call that can fail is made to fail in turn.",
    ),
    Row(
        "the disk is full for the state",
        "the transaction is undone and said to be unavailable",
        (
            "backends/sqlite::a_full_disk_undoes_the_transaction_and_is_said_to_be_unavailable",
            "backends/journal::a_commit_whose_record_cannot_be_written_does_not_happen",
            "backends/journal::a_state_that_finds_no_room_leaves_nothing",
            "backends/journal::a_merge_that_finds_no_room_leaves_the_journal_as_it_was",
        ),
    ),
    Row(
        "folders that cannot be written, too many open files",
        "said, with the way out",
        (
            "wiring/doctor::a_place_that_cannot_be_written_to_is_told",
            "wiring/doctor::a_process_that_may_open_no_more_files_is_told",
            "cli/rebuild::a_lake_that_cannot_be_written_is_named",
        ),
        "That work goes on by itself afterwards is proved for a full disk only.",
    ),
    Row(
        "the state is lost, damaged, or an older one was put back",
        "it is refused; `edp rebuild` makes it again from the commits beside it",
        (
            "cli/rebuild::a_lost_state_is_refused_and_made_again",
            "cli/rebuild::an_older_state_that_was_put_back_is_refused_and_made_again",
            "cli/rebuild::a_damaged_state_is_made_again_and_kept_aside",
            "cli/rebuild::damaged_commits_are_named_and_the_rest_counts",
            "backends/journal::no_byte_of_a_record_can_be_changed_unnoticed",
            "kill/kill_points::a_state_lost_with_a_kill_is_made_again",
        ),
    ),
    Row(
        "a data file is damaged, exchanged, or gone",
        "`edp audit` names it, with the way out",
        (
            "pipeline/audit::broken_files_are_named",
            "pipeline/audit::bytes_that_changed_in_place_are_found_by_a_deep_look_only",
            "pipeline/audit::rows_under_another_files_name_are_found_by_a_deep_look",
            "pipeline/audit::the_ways_out_of_findings_lead_out",
        ),
    ),
    Row(
        "a newer or an older EDP opens the state",
        "an older state is migrated in one transaction; a newer one is refused and left alone",
        (
            "backends/sqlite::a_newer_schema_is_refused_and_left_alone",
            "backends/sqlite::a_migration_that_fails_leaves_nothing_behind",
            "backends/sqlite::a_kill_between_any_two_statements_of_a_first_opening_is_safe",
            "backends/journal::a_state_of_the_version_before_gets_a_journal_that_gives_back_all_of_it",
        ),
    ),
)
EVENTS: Final = (
    Row(
        "an event comes twice, or a message again after it was deleted",
        "one version, one run",
        (
            "pipeline/replay::a_shuffled_doubled_and_interrupted_replay_gives_the_same_table",
            "conformance/ledger::an_event_heard_again_is_the_same_version",
            "aws/messages::an_event_that_comes_again_and_again_is_one_version",
            "conformance/queue::an_older_delivery_can_no_longer_ack",
        ),
    ),
    Row(
        "two workers hear the same event at once",
        "one table, as if one had heard it",
        ("aws/messages::two_functions_that_have_the_same_messages_make_one_table_of_them",),
        "Not each interleaving is enumerated.",
    ),
    Row(
        "versions of a key come in another order",
        "the table ends at the newest",
        (
            "pipeline/versions::three_versions_in_any_order_end_at_the_newest",
            "pipeline/versions::a_b_a_put_at_once_ends_at_a_with_three_versions",
            "core/events::sequencers_are_ordered_as_fractions_in_base_16",
            "aws/messages::versions_whose_events_come_in_another_order_end_at_the_newest",
            "aws/messages::an_older_version_whose_event_is_late_changes_nothing",
        ),
    ),
    Row(
        "the same bytes come again",
        "no row changes",
        ("pipeline/versions::the_same_bytes_again_are_no_new_version",),
    ),
    Row(
        "an object is overwritten while it waits or is read",
        "the bytes that are there now are a version of its own; the older one is superseded",
        (
            "pipeline/versions::a_file_overwritten_after_its_event_is_read_as_the_version_it_now_is",
            (
                "pipeline/interleavings::a_version_overtaken_while_it_was_read_is_superseded_and_its_"
                "neighbour_committed"
            ),
            (
                "pipeline/interleavings::a_version_overtaken_while_its_commit_was_prepared_is_not_"
                "committed"
            ),
        ),
    ),
    Row(
        "an object is gone before it is read",
        "dead at once: `object missing`",
        (
            "pipeline/versions::a_file_gone_before_it_is_read_is_dead",
            "etl/aws::an_object_that_is_gone_is_missing",
        ),
    ),
    Row(
        "an event is lost",
        "the listing finds the file",
        (
            "pipeline/versions::a_file_that_others_write_into_the_source_is_found",
            "aws/messages::an_object_whose_event_was_lost_is_found_by_the_schedule",
            TORTURE,
        ),
    ),
    Row(
        "a message says nothing usable",
        "a dead letter with its reason, at once; its neighbours go on",
        (
            "pipeline/replay::poison_is_set_aside_with_a_reason_and_the_rest_is_counted",
            "core/events::any_text_gives_a_notification_or_a_bad_message",
            "core/events::no_depth_of_nesting_is_more_than_a_bad_message",
            "aws/messages::a_poisoned_message_is_set_aside_with_its_reason_and_holds_up_nobody",
            "aws/messages::a_message_that_kills_its_function_every_time_is_a_dead_letter",
        ),
    ),
    Row(
        "a lease runs out while its worker still works, and another takes over",
        "the fence lets the second commit, and the first no more",
        (
            "conformance/runs::a_late_run_has_no_say_over_what_another_run_holds",
            "conformance/runs::a_late_heartbeat_does_not_take_back_what_another_run_has",
            "pipeline/interleavings::a_run_that_lost_its_lease_publishes_nothing",
        ),
        "A clock that jumps and a process that is stopped for longer than its lease are not tried.",
    ),
    Row(
        "two commits meet at one table",
        "the later one is planned again, without parsing again",
        (
            "pipeline/interleavings::a_commit_that_met_another_is_planned_again_without_parsing_again",
            "conformance/catalog::a_plan_that_another_commit_overtook_is_stale",
            "conformance/catalog::a_commit_that_is_made_again_keeps_the_files_that_it_had",
            "pipeline/compact::a_run_that_a_merge_overtook_is_planned_again_without_parsing_again",
        ),
    ),
    Row(
        "garbage is collected or files are merged while a query reads",
        "the query ends as it began",
        (
            "pipeline/compact::a_query_that_began_before_a_merge_ends_as_it_began",
            "pipeline/compact::merged_files_are_garbage_once_no_query_may_read_them",
            (
                "conformance/catalog::a_removed_file_is_retired_once_no_query_may_read_it_and_then_"
                "forgotten"
            ),
        ),
    ),
    Row(
        "a dead letter is sent again, twice or too late",
        "it is sent once",
        (
            "conformance/dead_letters::a_redriven_item_is_a_message_again_that_says_so",
            "pipeline/interleavings::dead_letters_that_are_gone_are_neither_sent_nor_discarded_again",
        ),
    ),
)
FILES: Final = (
    Row(
        "a file kills its parser, hangs it, or takes its memory",
        "dead after three tries alone, with that reason; its neighbours are committed and charged "
        "nothing",
        (
            (
                "pipeline/interleavings::what_kills_the_parser_ends_dead_alone_and_its_neighbours_are_"
                "not_charged"
            ),
            "etl/workers::a_task_that_takes_too_long_is_stopped",
            "etl/workers::a_worker_that_takes_too_much_memory_is_stopped",
        ),
    ),
    Row(
        "files of one dataset have other columns, or other types",
        "columns are added by name; a type is one that all live files admit",
        (
            "pipeline/real_files::every_row_of_sixty_files_with_four_schemas_is_in_the_table",
            "pipeline/real_files::what_the_files_admit_does_not_depend_on_how_they_came",
            "conformance/catalog::columns_that_come_and_go_are_told",
        ),
    ),
    Row(
        "records are ragged, quotes unclosed, lines cut off",
        "such records are rejects with place and reason; read + rejected = all",
        (
            "etl/reading::no_record_of_a_damaged_file_goes_missing",
            "etl/reading/damage::no_record_of_many_damaged_files_goes_missing",
            "etl/reading/damage::polluted_files_are_the_clean_one_or_say_what_is_not",
            "etl/reading/damage::no_line_of_damaged_json_goes_missing",
        ),
    ),
    Row(
        "another encoding, a byte that is none, a NUL",
        "read as what it is, or the record is rejected alone",
        (
            "etl/reading/damage::a_byte_out_of_the_encoding_rejects_its_record_alone",
            "etl/reading/written::a_table_in_any_dialect_encoding_and_packing_comes_back",
        ),
    ),
    Row(
        "an upload is cut off, or its packing damaged",
        "packed files fail as a whole; others lose at most the last record, which is a reject",
        (
            "etl/reading/damage::packed_data_that_is_cut_off_or_damaged_fails_as_a_whole",
            "etl/reading/damage::damaged_parquet_leaves_the_others_alone",
        ),
    ),
    Row(
        "bombs and odd archives",
        "refused before they fill the disk",
        (
            "etl/reading/damage::a_bomb_is_refused_before_it_fills_the_disk",
            "etl/reading/damage::an_archive_of_anything_but_one_plain_file_fails",
            "etl/reading/damage::odd_json_and_parquet_are_read_or_refused",
        ),
    ),
    Row(
        "keys with `..`, NUL and the like; symbolic links in the source",
        "no key leads out of the source, and no link is followed",
        (
            "core/names::these_are_none",
            "conformance/source::no_key_leads_out_of_the_source",
            "conformance/source::a_key_that_can_be_no_key_is_refused_and_nothing_is_stored",
            "conformance/source::a_listing_follows_no_symbolic_link",
            "conformance/source::no_symbolic_link_on_the_way_is_followed",
            "conformance/source::nothing_is_put_through_a_symbolic_link",
        ),
    ),
)
PEOPLE: Final = (
    Row(
        "PagerDuty or Slack is down, slow, or asks to wait",
        "nobody waits for it; all is told once it is back, and told once",
        (
            "pipeline/alerts::a_dead_sink_keeps_no_file_waiting_and_hears_all_once_it_is_back",
            "pipeline/deliver::all_is_delivered_once_a_sink_works_again",
            "pipeline/deliver::a_sink_that_hangs_holds_up_neither_the_other_nor_the_caller",
            (
                "pipeline/deliver::a_call_of_its_own_does_not_wait_for_a_sink_that_failed_in_the_one_"
                "before"
            ),
        ),
    ),
    Row(
        "a thousand failures at once",
        "one incident, few messages, an exact count",
        ("pipeline/alerts::a_thousand_failures_are_one_incident_few_messages_and_an_exact_count",),
    ),
    Row(
        "secrets and masked values",
        "in no state, log, answer, reason or template",
        (
            "pipeline/alerts::no_secret_is_in_the_state_the_log_or_an_answer",
            "etl/steps/masking::a_masked_value_is_nowhere",
            "notify/transport::a_secret_is_in_no_answer_and_in_no_log",
            "infra/template::a_template_holds_no_secret",
        ),
        "No single test searches every artefact of a whole run.",
    ),
    Row(
        "a webhook's address leads inside",
        "https to allowed hosts with public addresses, checked and then used; no redirects",
        (
            "notify/transport::a_host_with_an_address_that_is_not_public_is_not_connected_to",
            "notify/transport::the_name_is_looked_up_once_and_the_checked_address_is_used",
            "notify/transport::a_redirect_is_a_refusal",
        ),
    ),
    Row(
        "a question reads files, changes something, never ends, or eats memory",
        "it reads the tables and `edp.*`, and nothing else; it is stopped after ten minutes, "
        "or fails",
        (
            "conformance/query::a_question_reads_no_file_but_those_of_the_tables",
            "query/aws::what_would_do_more_than_read_is_refused_unasked",
            "conformance/query::a_question_that_never_ends_is_stopped",
            "conformance/query::a_question_that_wants_too_much_memory_fails_and_the_next_is_answered",
            "query/aws::a_query_that_takes_too_long_is_stopped",
        ),
        "It runs in the process that asks, not in one of its own.",
    ),
    Row(
        "a cell that a spreadsheet takes for a formula; control characters",
        "CSV has a quote in front of the one, a terminal sees the other's name; "
        "what is stored stays",
        (
            "cli/commands::query_hands_no_spreadsheet_a_formula_unless_asked_to",
            "cli/commands::query_sends_no_control_character_to_a_terminal",
        ),
    ),
    Row(
        "names with quotes and SQL in them",
        "names are quoted, values are bound",
        ("backends/sqlite::values_are_bound_and_never_part_of_the_statement",),
    ),
)
CLOUD: Final = (
    Row(
        "a function is killed, or AWS puts a request off",
        "each file is in the table once",
        (
            "aws/messages::wherever_the_function_is_killed_each_file_is_in_the_table_once",
            "aws/messages::whatever_aws_puts_off_is_done_later_and_once",
            "aws/jobs::wherever_settling_is_killed_the_batch_is_in_the_table_once",
        ),
    ),
    Row(
        "a Glue job fails, is stopped, or takes too long; nobody hears of its end",
        "tried again, then dead with the cause; the schedule settles what nobody heard of",
        (
            "aws/jobs::a_batch_whose_job_ended_badly_is_tried_again",
            "aws/jobs::a_file_whose_job_always_fails_is_dead_with_the_cause",
            "aws/jobs::a_job_whose_end_nobody_heard_is_settled_by_the_schedule",
            "aws/jobs::a_job_that_is_told_of_twice_is_settled_once",
            "aws/jobs::where_as_many_jobs_run_as_may_the_batch_waits_for_the_schedule",
        ),
    ),
    Row(
        "two write one item of DynamoDB, or one catalog",
        "the second sees the first, and works on what it left",
        (
            "backends/dynamo::only_who_read_the_newest_revision_writes",
            "conformance/catalog::two_first_commits_cannot_both_make_the_table",
        ),
    ),
    Row(
        "rights too wide, a queue without a dead-letter queue",
        "the template has neither; each role lets its function do what it does, and no more",
        (
            "infra/template::every_wildcard_has_its_reason_beside_it",
            "infra/template::nobody_is_let_in_without_being_named",
            "infra/template::every_asynchronous_hop_has_a_dead_letter_queue",
        ),
    ),
)
MATRIX: Final = {
    "Processes": PROCESSES,
    "The disk": DISK,
    "Events and versions": EVENTS,
    "Files": FILES,
    "People, secrets, questions": PEOPLE,
    "AWS": CLOUD,
}
"""All rows, by what goes wrong."""
