"""The web server as it is, but that its door inserts nothing: what accepting costs beside that.

    python -m tests.benchmarks.without_insert HOST PORT

Runs beside an installation, on its database, whose environment it is given.
"""

import os
import sys
from types import TracebackType

from core.embedded import web


class NoCursor:
    """Takes the statement of the door and does nothing."""

    def __enter__(self) -> "NoCursor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def execute(self, statement: str, values: tuple[object, ...]) -> None:
        return None


def load_application(parent: int):
    application = whole(parent)
    from tracking import receive

    receive.open_cursor = NoCursor
    return application


whole, web.load_application = web.load_application, load_application

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    from core.settings import WEB_WORKERS

    host, port = sys.argv[1:]
    web.main(host, port, str(WEB_WORKERS))
