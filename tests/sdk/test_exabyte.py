from importlib import import_module

import pytest

from standins.mat3ra import Mat3ra

pytest.register_assert_rewrite("mat3ra_stories")

from mat3ra_stories import *  # noqa: E402, F403

STAND_IN = Mat3ra
DROPS_PATH = True  # it takes a host and a port
DOORS = ("alone", "own", "organization", "pinned")  # no path, so no context in it
REMARKS = {
    "wrong-token": "by its status, 401; the SDK shows no text",
    "cancel": "by deleting: the SDK's `terminate` sends a submit",
}
TOLD = "{status} Client Error: "  # it never shows a text


def endpoints(name: str, host: str, port: int, account: str, token: str):
    module = import_module(f"exabyte_api_client.endpoints.{name}")
    kind = {"jobs": "JobEndpoints", "projects": "ProjectEndpoints"}[name]
    return getattr(module, kind)(host, port, account, token, secure=False)
