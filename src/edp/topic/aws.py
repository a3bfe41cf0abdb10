"""An SNS topic, which owes each subscriber its own delivery and retries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edp.backends.boto import Service


class SnsTopic:
    """Publishes to the topic `arn`; who is subscribed is the deployment's."""

    def __init__(self, sns: Service, arn: str) -> None:
        self._sns = sns
        self._arn = arn

    def publish(self, body: str) -> None:
        """Hand `body` to SNS, which then owes it to every subscriber."""
        self._sns.publish(TopicArn=self._arn, Message=body)
