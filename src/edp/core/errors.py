"""Every error this package raises on purpose.

    EdpError
    |-- ConfigError            the operator must change a setting or a command
    |   |-- StateDamaged       the state database cannot be trusted
    |   `-- StateOutdated      the state is older than the commits written down beside it
    |-- RetryableError         the same call may succeed later; leave it queued
    |   |-- StoreUnavailable   the state or a folder cannot be used right now
    |   |-- Throttled          AWS asks to wait
    |   |-- StaleSnapshot      the table changed meanwhile; plan again
    |   `-- WorkerLost         a worker process died or was stopped while it worked
    `-- PoisonError            it never will succeed; to the dead-letter queue, with the reason
        |-- BadMessage         the queue message holds no usable S3 event
        |-- BadKey             the object key is not one EDP can hold
        |-- NoDataset          no dataset wants this key
        |-- ObjectMissing      the bytes of this version are gone
        |-- UnreadableFile     the bytes are not a file of the stated format
        |-- RejectLimitExceeded  too many of the file's rows were rejected
        |-- CheckFailed        a check whose action is `fail` is false for one of its rows
        |-- TransformFailed    the dataset's transform did not work on its rows
        `-- PartitionLimitExceeded  its rows belong into too many partitions

Each has a `code` (stable, for scripts and causes) and a message that names the way out.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import ClassVar, Final


class EdpError(Exception):
    """An error that EDP raises on purpose."""

    code: ClassVar[str] = "error"


class ConfigError(EdpError):
    """A setting, a command or this machine's set-up is wrong; nothing was changed."""

    code = "config"


class StateDamaged(ConfigError):
    """The state database cannot be trusted."""

    code = "state damaged"


class StateOutdated(ConfigError):
    """The state is missing, or older than the commits that are written down beside it."""

    code = "state outdated"


class RetryableError(EdpError):
    """The same call may succeed later."""

    code = "retryable"


class StoreUnavailable(RetryableError):
    """The state database or a folder cannot be used right now."""

    code = "store unavailable"


class Throttled(RetryableError):
    """A service is asked more often than it answers."""

    code = "throttled"


class StaleSnapshot(RetryableError):
    """Another commit changed the table after this one was planned."""

    code = "stale snapshot"


class WorkerLost(RetryableError):
    """A worker process died, or was stopped, before it gave its result."""

    code = "worker lost"


class PoisonError(EdpError):
    """Trying again cannot help; a person has to change something first."""

    code = "poison"


class BadMessage(PoisonError):
    """A queue message that holds no usable S3 event."""

    code = "bad message"


class BadKey(PoisonError):
    """An object key with an empty, `.` or `..` segment or a control character."""

    code = "bad key"


class NoDataset(PoisonError):
    """No dataset's path matches the key."""

    code = "no dataset"


class ObjectMissing(PoisonError):
    """The object's bytes are not in the source."""

    code = "object missing"


class UnreadableFile(PoisonError):
    """The bytes cannot be read as a file of the dataset's format."""

    code = "unreadable file"


class RejectLimitExceeded(PoisonError):
    """More of the file's rows were rejected than `max_reject_ratio` allows."""

    code = "reject limit exceeded"


class CheckFailed(PoisonError):
    """A check whose action is `fail` is false for one of the file's rows."""

    code = "check failed"


class TransformFailed(PoisonError):
    """The dataset's transform raised an error over the file's rows, or made too many of them."""

    code = "transform failed"


class PartitionLimitExceeded(PoisonError):
    """The file's rows belong into more partitions than `batch.max_partitions` allows."""

    code = "partition limit exceeded"


@dataclass(frozen=True)
class Failure:
    """Why a file or a run failed, as a value that can be stored and sent.

    `permanent` is true when trying the same bytes again cannot help.
    """

    code: str
    message: str
    permanent: bool = False

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """The failure that `error` stands for; an unknown error may pass with time."""
        if isinstance(error, EdpError):
            return cls(error.code, str(error), isinstance(error, PoisonError))
        text = f"{type(error).__name__}: {error}"
        if _NO_SPACE in text:
            return cls(StoreUnavailable.code, f"{text}; make room on the disk of the lake")
        if isinstance(error, OSError) and no_files_fault(error):
            return cls(StoreUnavailable.code, text)
        return cls("unexpected error", text)


def no_files_fault(error: OSError) -> bool:
    """Whether the disk or this process failed, and would with any file: full, broken, no handles.

    >>> no_files_fault(OSError(errno.ENOSPC, "full")), no_files_fault(OSError(errno.ENOENT, "none"))
    (True, False)
    """
    return error.errno in _NO_FILES_FAULT


_NO_FILES_FAULT: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
)
_NO_SPACE: Final = "No space left on device"
