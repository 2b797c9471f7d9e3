"""The way that Azure's own documentation goes: only the workspace is named, and where it is is asked for with a bearer,
which the SDK sends over TLS alone."""

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.quantum import Workspace

from standins.azure import Azure, workspace
from test_azure import submit

STAND_IN = Azure
TLS = True
DOORS = ("own", "organization", "named", "pinned")  # Azure's own takes no key


class Bearer:
    def __init__(self, token: str):
        self._token = token

    def get_token(self, *scopes: str, **options) -> AccessToken:
        return AccessToken(self._token, 2**31)


@pytest.fixture(autouse=True)
def trust(certificates, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.roots))


def discover(door, account: str | None = None) -> Workspace:
    return Workspace(
        resource_id=workspace(account or door.payer), credential=Bearer(door.token), arm_endpoint=door.url
    )


@pytest.mark.shows("submit", "poll", "result", "list")
def test_a_workspace_is_found_and_used(door):
    azure = discover(door)
    assert azure.location == "eastus"
    job = submit(azure)
    job.wait_until_completed(print_progress=False, timeout_secs=30)
    assert job.get_results() == {"histogram": {"0": 0.5, "3": 0.5}}
    assert job.id in {job.id for job in azure.list_jobs()}


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled(door):
    azure = discover(door)
    assert azure.cancel_job(submit(azure, "hold")).details.status == "Cancelled"


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller, standin):
    before = len(standin.calls)
    with pytest.raises(HttpResponseError) as refused:
        discover(unknown_caller, "ada")
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] in str(refused.value)
    assert len(standin.calls) == before


def test_who_has_nothing_to_pay_with_or_names_another_workspace_is_told_at_once(bellhop, caller, standin):
    before = len(standin.calls)
    for user, account in (("carol", "ada"), ("ada", "acme")):
        with pytest.raises(HttpResponseError) as refused:
            discover(caller(user), account)
        assert bellhop.last_refusal()["detail"] in str(refused.value)
    assert len(standin.calls) == before
