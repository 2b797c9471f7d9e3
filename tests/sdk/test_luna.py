import pytest
from luna_quantum import LunaSolve, Model, Sense, Solution, Variable
from luna_quantum.client.error.luna_server_error import LunaServerError

from standins.luna import Luna

STAND_IN = Luna


@pytest.fixture(autouse=True)
def solution(standin):
    """What every job comes to."""
    standin.solution = Solution.from_dict({"x": 1, "y": 1}, model=model()).serialize()


def client(door) -> LunaSolve:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LUNA_BASE_URL", door.url)  # read when a client is made
        return LunaSolve(api_key=door.token)


def model() -> Model:
    pair = Model("pair", sense=Sense.MIN)
    with pair.environment:
        x, y = Variable("x"), Variable("y")
    pair.objective = -x - y + x * y
    return pair


def submit(luna: LunaSolve, name: str = "bell"):
    id = luna.model.create(model=model()).id
    return luna.solve_job.create(model_id=id, solver_name="QA", provider="dwave", name=name)


@pytest.mark.shows("submit", "poll", "result")
def test_a_model_is_solved(door):
    luna = client(door)
    job = submit(luna)
    assert [luna.solve_job.get(job.id).status for _ in range(2)] == ["IN_PROGRESS", "DONE"]
    solution = luna.solve_job.get_solution(job.id)
    assert list(solution.samples)[0].to_dict() == {"x": 1, "y": 1} and list(solution.obj_values) == [-1]


@pytest.mark.shows("submit", "cancel")
def test_a_job_is_cancelled_and_deleted(door):
    luna = client(door)
    job = submit(luna, "hold")
    assert luna.solve_job.cancel(job.id).status == "CANCELED"
    assert luna.solve_job.get(job.id).status == "CANCELED"
    luna.solve_job.delete(job.id)
    with pytest.raises(LunaServerError):
        luna.solve_job.get(job.id)


@pytest.mark.shows("submit", "list")
def test_jobs_are_listed(door):
    luna = client(door)
    job = submit(luna)
    assert job.id in [listed.id for listed in luna.solve_job.get_all()]


@pytest.mark.shows("wrong-token")
def test_an_unknown_token_is_refused(bellhop, unknown_caller):
    with pytest.raises(LunaServerError) as refused:
        client(unknown_caller)
    assert bellhop.last_refusal()["refusal"] == "unknown-token"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


def test_a_user_without_a_credential_is_told_what_to_do(bellhop, caller):
    with pytest.raises(LunaServerError) as refused:
        client(caller("carol"))
    assert bellhop.last_refusal()["refusal"] == "no-credential"
    assert bellhop.last_refusal()["detail"] in str(refused.value)


@pytest.mark.shows("other-user")
def test_another_users_token_does_not_reach_this_users_job(caller, standin):
    ours = submit(client(caller("ada"))).id
    before = len(standin.calls)
    with pytest.raises(LunaServerError) as refused:
        client(caller("bob")).solve_job.get(ours)
    assert refused.value.http_status_code == 404
    assert {call.account for call in standin.calls[before:]} <= {"bob"}


@pytest.mark.shows("other-user", "organization", "list")
def test_members_who_share_a_token_do_not_reach_each_others_jobs(bellhop, caller, standin):
    grace, erin = client(caller("grace")), client(caller("erin"))
    of_grace, of_erin = submit(grace, "hold").id, submit(erin, "hold").id
    for member, mine, other in ((grace, of_grace, of_erin), (erin, of_erin, of_grace)):
        before = len(standin.calls)
        jobs = member.solve_job
        for reach in (jobs.get, jobs.cancel, jobs.delete, jobs.get_solution):
            with pytest.raises(LunaServerError) as refused:
                reach(other)
            assert refused.value.http_status_code == 404
            assert bellhop.last_refusal()["refusal"] == "unknown-job"
        assert len(standin.calls) == before
        ids = {job.id for job in jobs.get_all()}
        assert mine in ids and other not in ids
    grace.solve_job.cancel(of_grace)
    assert erin.solve_job.get(of_erin).status == "IN_PROGRESS"


@pytest.mark.shows("other-user")
def test_a_model_of_another_member_cannot_be_solved(bellhop, caller):
    theirs = client(caller("erin")).model.create(model=model()).id
    with pytest.raises(LunaServerError):
        client(caller("grace")).solve_job.create(model_id=theirs, solver_name="QA", provider="dwave")
    assert bellhop.last_refusal()["refusal"] == "unknown-job"
