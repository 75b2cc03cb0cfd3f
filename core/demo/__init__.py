"""The demo project's data: made up from a seed, dated relative to now, sent like anybody's."""

from core.demo.declarations import RUNNING, running_since
from core.demo.loading import DemoError, load_demo

__all__ = ["RUNNING", "DemoError", "load_demo", "running_since"]
