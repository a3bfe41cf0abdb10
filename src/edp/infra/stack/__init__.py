"""The stack: the flow on AWS, part by part in the order in which a file passes them.

source bucket -> topic -> queue -> etl -> (job ->) settle -> target bucket
target bucket -> crawl queue -> crawler function -> crawler -> catalog, asked by Athena
jobs and crawls that end -> rules -> functions, and the alerts topic -> notifier
dead letters -> alarms -> the alerts topic
"""
