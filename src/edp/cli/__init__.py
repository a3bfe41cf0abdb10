"""The command line: a command parses, calls one function of the pipeline, and prints.

Exit status: 0 done, 1 some work failed, 2 usage or configuration.
"""

from edp.cli.app import main

__all__ = ["main"]
