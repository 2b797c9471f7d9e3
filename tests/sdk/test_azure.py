import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.quantum import Job, Workspace

from standins.azure import ACCOUNT, TARGET, Azure, workspace

STAND_IN = Azure


def connect(door, account: str | None = None) -> Workspace:
    """To the workspace of whoever pays, unless another account's is named."""
    return Workspace(
        resource_id=workspace(account or door.payer),
        location="eastus",
        credential=AzureKeyCredential(door.token),
        _quantum_endpoint=door.url,
    )


def submit(azure: Workspace, name: str = "bell") -> Job:
    return Job.from_input_data(
        workspace=azure,
        name=name,
        target=TARGET,
        input_data=b'{"qubits": 2}',
        provider_id="ionq",
        input_data_format="ionq.circuit.v1",
        output_data_format="ionq.quantum-results.v1",
        input_params={"shots": 200},
    )


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(door, standin):
    azure = connect(door)
    job = submit(azure)
    assert standin.storage.blobs[f"{ACCOUNT}/job-{job.id}/inputData"] == b'{"qubits": 2}'
    job.wait_until_completed(print_progress=False, timeout_secs=30)
    assert job.get_results() == {"histogram": {"0": 0.5, "3": 0.5}}
    assert azure.get_job(job.id).has_succeeded()


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled_and_deleted(door):
    azure = connect(door)
    job = submit(azure, "hold")
    assert azure.cancel_job(job).details.status == "Cancelled"
    azure.delete_job(job)
    with pytest.raises(ResourceNotFoundError):
        azure.get_job(job.id)


@pytest.mark.shows("submit", "list")
def test_jobs_are_listed_over_many_pages(door):
    azure = connect(door)
    ids = {submit(azure).id for _ in range(3)}
    assert ids <= {job.id for job in azure.list_jobs()}


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(ClientAuthenticationError) as refused:
        submit(connect(unknown_caller, "ada"))
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller):
    with pytest.raises(HttpResponseError) as refused:
        submit(connect(caller("carol"), "ada"))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_a_workspace_that_does_not_go_with_the_key_is_refused(bellhop, caller, standin):
    before = len(standin.calls)
    with pytest.raises(HttpResponseError) as refused:
        submit(connect(caller("ada"), "acme"))
    assert bellhop.last_refusal()["detail"] in str(refused.value)
    assert len(standin.calls) == before


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin):
    ours = submit(connect(caller("ada"), "ada"))
    before = len(standin.calls)
    with pytest.raises(ResourceNotFoundError):
        connect(caller("bob"), "bob").get_job(ours.id)
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization", "list")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin):
    grace, erin = (connect(caller(user), "acme") for user in ("grace", "erin"))
    of_grace, of_erin = submit(grace, "hold"), submit(erin, "hold")
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        for reach in (
            lambda: member.get_job(other.id),
            lambda: member.cancel_job(other),
            lambda: member.delete_job(other),
        ):
            with pytest.raises(ResourceNotFoundError):
                reach()
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        with pytest.raises(HttpResponseError, match="in use already"):  # whoever names a container first has it
            member.get_container_uri(other.id)
        assert len(standin.calls) == before
        assert member.get_container_uri(mine.id)
        ids = {job.id for job in member.list_jobs()}
        assert mine.id in ids and other.id not in ids
    assert grace.cancel_job(of_grace).details.status == "Cancelled"
    assert erin.get_job(of_erin.id).details.status == "Executing"
