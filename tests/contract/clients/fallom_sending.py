"""Fallom's client set up as its users do, and an end of the script that waits for what it sends."""

import os
import threading
from contextlib import contextmanager

import fallom


@contextmanager
def sending(*, traces: str = "/fallom", **options):
    """Initialise for Assay. The client sends from daemon threads, which die with the script."""
    url = os.environ["ASSAY_URL"]
    fallom.init(
        api_key=os.environ["ASSAY_KEY"],
        traces_url=url + traces,
        configs_url=url + "/fallom",
        prompts_url=url + "/fallom",
        **options,
    )
    yield
    wait_until_sent()


def wait_until_sent() -> None:
    for thread in threading.enumerate():
        if "_send" in thread.name:
            thread.join()
