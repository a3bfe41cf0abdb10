"""Torture: a pipeline is killed again and again, and what it made of its files is checked.

Everything that chance decides comes from one seed: the files, the order of their events, where and
when each process is to be killed. Only how far a process gets until then is the machine's.
"""

from edp.cli.torture.session import Session, torture
from edp.cli.torture.verdict import Verdict

__all__ = ["Session", "Verdict", "torture"]
