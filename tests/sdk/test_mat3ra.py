from urllib.parse import urlsplit

import pytest
from mat3ra.api_client import APIClient

from standins.mat3ra import Mat3ra, account_id

pytest.register_assert_rewrite("mat3ra_stories")

from mat3ra_stories import *  # noqa: E402, F403

STAND_IN = Mat3ra
DROPS_PATH = True  # it takes a host and a port
DOORS = ("alone", "own", "organization", "pinned")  # no path, so no context in it
REMARKS = {"cancel": "by deleting: the SDK's `terminate` sends a submit"}
TOLD = "Error {status}: {detail}."


def endpoints(name: str, host: str, port: int, account: str, token: str):
    return getattr(
        APIClient.authenticate(host=host, port=port, secure=False, account_id=account, auth_token=token), name
    )


def test_a_bearer_token_brings_the_account_that_pays_with_it(caller, standin):
    """Where the SDK writes the account's id into a body, one that was made up would not do."""
    ada = caller("ada")
    at = urlsplit(ada.url)
    client = APIClient.authenticate(host=at.hostname, port=at.port, secure=False, access_token=ada.token)
    assert client.my_account.id == account_id("ada")
    (project,) = client.projects.list({"isDefault": True, "owner._id": client.my_account.id})
    config = client.jobs.build_config([""], "", project["_id"], client.my_account.id, "owned")
    assert client.jobs.create(config | {"workflow": {"subworkflows": []}})["owner"] == {"_id": account_id("ada")}
    assert standin.calls[-1].account == "ada"
