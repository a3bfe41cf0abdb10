"""The demo: the whole flow on generated orders, with the same functions as the commands."""

from edp.cli.demo.story import play

__all__ = ["play"]
