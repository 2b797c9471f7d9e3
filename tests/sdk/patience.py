"""Waiting for what happens in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 30
T = TypeVar("T")


def until(holds: Callable[[], bool], otherwise: str):
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


def until_it_works(ask: Callable[[], T], *refusals: type[Exception]) -> T:
    """The first answer that is none of these refusals; the last refusal, if they do not end."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return ask()
        except refusals:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
