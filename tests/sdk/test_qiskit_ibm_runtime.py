import pytest
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobNotFound, SamplerV2, Session
from qiskit_ibm_runtime.accounts.exceptions import InvalidAccountError
from qiskit_ibm_runtime.exceptions import IBMInputValueError

from standins.ibm import BACKEND, SHOTS, Ibm

STAND_IN = Ibm
REMARKS = {"wrong-token": "in the traceback, as the cause"}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def ibm(door, standin, monkeypatch) -> QiskitRuntimeService:
    return service(door, standin, monkeypatch, standin.instance(door.payer))


def service(door, standin, monkeypatch, instance: str | None = None) -> QiskitRuntimeService:
    """From environment variables alone, but where there is no Bellhop to take `experimental` out of the path."""
    alone = door.url == standin.url
    service = {"iam": "", "search": "", "catalog": ""} if alone else {"iam": "/iam", "search": "/global-search", "catalog": "/global-catalog"}
    environment = {
        "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
        "QISKIT_IBM_TOKEN": door.token,
        "QISKIT_IBM_URL": f"{door.url}/experimental/api/v1",
        "IAM_URL": door.url + service["iam"],
        "GLOBAL_SEARCH_URL": door.url + service["search"],
        "GLOBAL_CATALOG_URL": f"{door.url}{service['catalog']}/api/v1",
    }
    if instance:
        environment["QISKIT_IBM_INSTANCE"] = instance
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return QiskitRuntimeService(url_resolver=lambda *_: f"{door.url}/api/v1") if alone else QiskitRuntimeService()


def sampler(ibm: QiskitRuntimeService, tags: tuple[str, ...] = (), mode=None) -> SamplerV2:
    sampler = SamplerV2(mode or ibm.backend(BACKEND))
    sampler.options.environment.job_tags = list(tags)
    return sampler


def bell_pair(ibm: QiskitRuntimeService) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return generate_preset_pass_manager(1, backend=ibm.backend(BACKEND)).run(circuit)


def submit(ibm: QiskitRuntimeService, *tags: str):
    return sampler(ibm, tags).run([bell_pair(ibm)], shots=SHOTS)


@pytest.mark.shows("submit", "poll", "result")
def test_a_circuit_is_submitted_polled_and_counted(ibm):
    job = submit(ibm)
    result = job.result(timeout=30, poll_interval=0.1)
    assert result[0].data.meas.get_counts() == {"00": SHOTS // 2, "11": SHOTS // 2}
    assert ibm.job(job.job_id()).status() == "DONE"
    assert job.usage() == 2


@pytest.mark.shows("submit", "cancel")
def test_jobs_run_in_a_session_that_is_closed(ibm):
    with Session(ibm.backend(BACKEND)) as session:
        job = sampler(ibm, ("hold",), session).run([bell_pair(ibm)], shots=1)
        assert session.details()["accepting_jobs"]
        session.cancel()
    assert job.session_id == session.session_id


@pytest.mark.shows("cancel")
def test_a_job_is_cancelled_and_deleted(ibm):
    job = submit(ibm, "hold")
    assert job.status() == "RUNNING"
    job.cancel()
    assert ibm.job(job.job_id()).status() == "CANCELLED"
    ibm.delete_job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        ibm.job(job.job_id())


@pytest.mark.shows("list")
@pytest.mark.doors("alone", "own", "named", "pinned")
def test_jobs_are_listed(ibm):
    job = submit(ibm)
    assert job.job_id() in [listed.job_id() for listed in ibm.jobs()]


@pytest.mark.doors("alone", "own", "organization")
def test_the_instance_is_found_where_none_is_named(door, standin, monkeypatch):
    ibm = service(door, standin, monkeypatch)
    assert [instance["crn"] for instance in ibm.instances()] == [standin.instance(door.payer)]
    assert submit(ibm).job_id()


def reasons(error: BaseException | None) -> list[str]:
    """What a traceback prints, innermost last."""
    return [str(error), *reasons(error.__cause__)] if error else []


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, standin, unknown_caller, monkeypatch):
    with pytest.raises(InvalidAccountError) as refused:
        service(unknown_caller, standin, monkeypatch)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert any(bellhop.last_refusal()["detail"] in reason for reason in reasons(refused.value))


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, standin, caller, monkeypatch):
    with pytest.raises(InvalidAccountError) as refused:
        service(caller("carol"), standin, monkeypatch)
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert any(bellhop.last_refusal()["detail"] in reason for reason in reasons(refused.value))


def test_an_instance_that_is_not_the_credentials_is_refused(standin, caller, monkeypatch):
    with pytest.raises(IBMInputValueError, match="does not have access"):
        service(caller("ada"), standin, monkeypatch, standin.instance("bob"))


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(standin, caller, monkeypatch):
    ours = submit(service(caller("ada"), standin, monkeypatch, standin.instance("ada"))).job_id()
    before = len(standin.calls)
    with pytest.raises(RuntimeJobNotFound):
        service(caller("bob"), standin, monkeypatch, standin.instance("bob")).job(ours)
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("organization")
def test_members_who_share_a_key_do_not_reach_each_others_jobs(bellhop, standin, caller, monkeypatch):
    grace, erin = (service(caller(user), standin, monkeypatch, standin.instance("acme")) for user in ("grace", "erin"))
    of_grace, of_erin = submit(grace, "hold"), submit(erin, "hold")
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        with pytest.raises(RuntimeJobNotFound):
            member.job(other.job_id())
        assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert [call for call in standin.calls[before:] if other.job_id() in call.path] == []
        listed = [job.job_id() for job in member.jobs()]
        assert mine.job_id() in listed and other.job_id() not in listed
        assert len(listed) == len(set(listed))
    of_grace.cancel()
    assert grace.job(of_grace.job_id()).status() == "CANCELLED"
    assert of_erin.status() == "RUNNING"


def test_a_job_goes_on_with_the_key_that_submitted_it(standin, caller, monkeypatch, add_own_token):
    erin = service(caller("erin"), standin, monkeypatch, standin.instance("acme"))
    job = submit(erin)
    add_own_token()
    assert job.result(timeout=30, poll_interval=0.1)
    assert {call.account for call in standin.calls if job.job_id() in call.path} == {"acme"}
