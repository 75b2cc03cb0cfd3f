"""A lock that ends with its process and says who holds it."""

import errno
import fcntl
import os
from pathlib import Path

from core.embedded.errors import EmbeddedError


class FileLock:
    """flock on a file; close-on-exec (Python's default), so no child keeps it alive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handle: int | None = None

    def acquire(self) -> None:
        """EmbeddedError when another process holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise EmbeddedError(
                f"Already running on {self.path.parent} (pid {holder}). Stop it first, or give "
                "this one another ASSAY_DATA_DIR and ASSAY_PORT."
            ) from error
        os.truncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self.handle = handle

    def release(self) -> None:
        if self.handle is not None:
            # Said, not left to the close: a child just being started may still share the handle,
            # since the kernel wakes its parent before it closes what is not inherited.
            fcntl.flock(self.handle, fcntl.LOCK_UN)
            os.close(self.handle)
            self.handle = None
