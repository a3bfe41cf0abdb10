"""Stacks: what a template would change in an account, and the change itself, up to its end."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from edp.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edp.backends.boto import Service

_EMPTY: Final = ("didn't contain changes", "No updates are to be performed")
_POLL_S: Final = 3.0
_PATIENCE_S: Final = 3600.0
"""The longest that a stack may take; Glue and DynamoDB take minutes."""
_NEW: Final = "REVIEW_IN_PROGRESS"


@dataclass(frozen=True)
class Change:
    """What happens to a resource: `Add`, `Modify` or `Remove`, and whether it is made anew."""

    action: str
    resource: str
    kind: str
    replaced: bool


class Stack:
    """A stack by its name; `tell` hears what happens while one waits."""

    def __init__(
        self,
        service: Service,
        name: str,
        tell: Callable[[str], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cloudformation = service
        self._name = name
        self._tell = tell
        self._sleep = sleep

    def described(self) -> Mapping[str, Any] | None:
        """What CloudFormation says of the stack; None where there is none."""
        try:
            stacks = self._cloudformation.describe_stacks(StackName=self._name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stacks[0] if stacks else None

    def plan(self, url: str, tags: Mapping[str, str]) -> ChangeSet:
        """What the template at `url` would change.

        Raises: ConfigError where CloudFormation refuses it.
        """
        there = self.described()
        new = there is None or there["StackStatus"] == _NEW
        made = self._cloudformation.create_change_set(
            StackName=self._name,
            ChangeSetName=f"edp-{uuid.uuid4().hex}",
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateURL=url,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        plan = ChangeSet(made["Id"], new=new, changes=())
        told = self._until(lambda: self._planned(plan), "CREATE_PENDING", "CREATE_IN_PROGRESS")
        if told["Status"] == "FAILED":
            self.forget(plan)
            if any(text in told.get("StatusReason", "") for text in _EMPTY):
                return plan
            raise ConfigError(f"CloudFormation refuses the template: {told.get('StatusReason')}")
        return ChangeSet(plan.id, new=new, changes=tuple(self._changes(plan)))

    def _planned(self, plan: ChangeSet) -> Mapping[str, Any]:
        told: Mapping[str, Any] = self._cloudformation.describe_change_set(ChangeSetName=plan.id)
        return {**told, "StackStatus": told["Status"]}

    def _changes(self, plan: ChangeSet) -> Iterator[Change]:
        token: dict[str, str] = {}
        while True:
            page = self._cloudformation.describe_change_set(ChangeSetName=plan.id, **token)
            for one in page["Changes"]:
                change = one["ResourceChange"]
                yield Change(
                    change["Action"],
                    change["LogicalResourceId"],
                    change["ResourceType"],
                    change.get("Replacement") == "True",
                )
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def forget(self, plan: ChangeSet) -> None:
        """Leave the account as it was before the plan."""
        self._cloudformation.delete_change_set(ChangeSetName=plan.id)
        there = self.described()
        if plan.new and there is not None and there["StackStatus"] == _NEW:
            self._cloudformation.delete_stack(StackName=self._name)

    def carry_out(self, plan: ChangeSet) -> dict[str, str]:
        """Do what was planned; the stack's outputs.

        Raises: ConfigError that says what failed, when CloudFormation has rolled back.
        """
        self._cloudformation.execute_change_set(ChangeSetName=plan.id)
        told = self._until(self._there, _NEW, suffix="_IN_PROGRESS")
        if told["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise ConfigError(
                f"the stack {self._name} ended as {told['StackStatus']}:\n" + self._why()
            )
        return {one["OutputKey"]: one["OutputValue"] for one in told.get("Outputs", ())}

    def delete(self) -> None:
        """Delete the stack, and wait until it is gone.

        Raises: ConfigError that says what could not be deleted.
        """
        there = self.described()
        if there is None:
            raise ConfigError(f"there is no stack {self._name}; nothing was deleted")
        self._name = there["StackId"]  # by which a deleted stack is still known
        self._cloudformation.delete_stack(StackName=self._name)
        told = self._until(self._there, suffix="_IN_PROGRESS")
        if told["StackStatus"] != "DELETE_COMPLETE":
            raise ConfigError(f"the stack ended as {told['StackStatus']}:\n" + self._why())

    def _there(self) -> Mapping[str, Any]:
        return self.described() or {"StackStatus": "DELETE_COMPLETE"}

    def _until(
        self, look: Callable[[], Mapping[str, Any]], *states: str, suffix: str = "\0"
    ) -> Mapping[str, Any]:
        """Look until the state is none of these and has no such end."""
        waited, before = 0.0, ""
        while True:
            told = look()
            state = str(told["StackStatus"])
            if state not in states and not state.endswith(suffix):
                return told
            if state != before:
                self._tell(f"{self._name.split('/')[-2:][0]}: {state}")
                before = state
            if waited >= _PATIENCE_S:
                raise ConfigError(
                    f"the stack {self._name} is still {state} after {_PATIENCE_S / 60:.0f} min; "
                    "look at it in CloudFormation, then try again"
                )
            self._sleep(_POLL_S)
            waited += _POLL_S

    def _why(self) -> str:
        events = self._cloudformation.describe_stack_events(StackName=self._name)["StackEvents"]
        failed = [e for e in events if e["ResourceStatus"].endswith("_FAILED")]
        return "\n".join(
            f"  {one['LogicalResourceId']} ({one['ResourceType']}): "
            f"{one.get('ResourceStatusReason', one['ResourceStatus'])}"
            for one in reversed(failed)
        )


@dataclass(frozen=True)
class ChangeSet:
    """A plan that CloudFormation holds; `new` where there was no stack before."""

    id: str
    new: bool
    changes: tuple[Change, ...]
