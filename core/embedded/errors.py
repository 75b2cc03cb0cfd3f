class EmbeddedError(Exception):
    """Why the embedded server or the process tree cannot run, in words for a terminal."""
