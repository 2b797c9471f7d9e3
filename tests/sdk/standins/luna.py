"""Aqarios Luna's platform: models and the jobs that solve them."""

import uuid

from .core import Answer, Call, StandIn, route

SOLVE = r"/luna-solve/api/v1"
NOW = "2026-11-01T12:00:00Z"


class Luna(StandIn):
    """A job is in progress at the first look and done at the second; one whose name begins with `hold` stays so.

    Models and solutions are in the SDK's own binary form, which nothing else can write: a test sets `solution`.
    """

    provider = "luna"
    credential_header = "luna-api-key"
    harmless = "/luna-solve/api/v1/users/me"
    solution = b""

    def __init__(self, accounts):
        super().__init__(accounts)
        self.models: dict[str, dict] = {}
        self.jobs: dict[str, dict] = {}

    @classmethod
    def fields(cls, account, token):
        return {"api_key": token}

    def refusal(self, status, text):
        return Answer(status, {"internal_code": f"STAND_IN_{status}", "message": text})

    @route("GET", SOLVE + r"/users/me")
    def me(self, call: Call):
        return Answer(200, {"email": f"{call.account}@example.org", "first_name": call.account, "last_name": "Fake"})

    @route("POST", SOLVE + r"/models")
    def add_model(self, call: Call):
        if call.values("content-type") != ["application/octet-stream"]:
            return self.refusal(415, "A model is bytes")
        id = uuid.uuid4().hex[:24]
        self.models[id] = {"account": call.account, "content": call.body}
        return Answer(201, _model(id))

    @route("GET", SOLVE + r"/models/metadata")
    def list_models(self, call: Call):
        return Answer(200, [_model(id) for id, model in self.models.items() if model["account"] == call.account])

    @route("GET", SOLVE + r"/models/data/(?P<id>[^/]+)")
    def model(self, call: Call, id: str):
        model = self._mine(self.models, call, id)
        return Answer(200, model["content"]) if model else self.refusal(404, "Model not found")

    @route("POST", SOLVE + r"/solve-jobs")
    def submit(self, call: Call):
        asked = call.json
        if not self._mine(self.models, call, asked["model_id"]):
            return self.refusal(404, "Model not found")
        job = {
            "id": uuid.uuid4().hex[:24],
            "account": call.account,
            "name": asked["name"] or "",
            "status": "REQUESTED",
            "status_timeline": {"REQUESTED": NOW},
            "error_message": None,
            "provider": asked["provider"],
            "is_cancelable": True,
            "is_cancellation_requested": False,
        }
        self.jobs[job["id"]] = job
        return Answer(201, _shown(job))

    @route("GET", SOLVE + r"/solve-jobs/metadata")
    def list_jobs(self, call: Call):
        return Answer(200, [_shown(job) for job in self.jobs.values() if job["account"] == call.account])

    @route("GET", SOLVE + r"/solve-jobs/metadata/(?P<id>[^/]+)")
    def poll(self, call: Call, id: str):
        if not (job := self._mine(self.jobs, call, id)):
            return self.refusal(404, "Job not found")
        if job["status"] == "REQUESTED":
            job["status"] = "IN_PROGRESS"
        elif job["status"] == "IN_PROGRESS" and not job["name"].startswith("hold"):
            job["status"] = "DONE"
        return Answer(200, _shown(job))

    @route("GET", SOLVE + r"/solve-jobs/data/(?P<id>[^/]+)")
    def result(self, call: Call, id: str):
        if not (job := self._mine(self.jobs, call, id)) or job["status"] != "DONE":
            return self.refusal(404, "Solution not found")
        return Answer(200, self.solution)

    @route("POST", SOLVE + r"/solve-jobs/metadata/(?P<id>[^/]+)/cancel")
    def cancel(self, call: Call, id: str):
        if not (job := self._mine(self.jobs, call, id)):
            return self.refusal(404, "Job not found")
        job |= {"status": "CANCELED", "is_cancellation_requested": True}
        return Answer(200, _shown(job))

    @route("DELETE", SOLVE + r"/solve-jobs/(?P<id>[^/]+)")
    def delete(self, call: Call, id: str):
        if not self._mine(self.jobs, call, id):
            return self.refusal(404, "Job not found")
        del self.jobs[id]
        return Answer(204)

    def _mine(self, things: dict[str, dict], call: Call, id: str) -> dict | None:
        thing = things.get(id)
        return thing if thing and thing["account"] == call.account else None


def _model(id: str) -> dict:
    return {"id": id, "created_date": NOW, "created_by": "fake-user"}


def _shown(job: dict) -> dict:
    return {key: value for key, value in job.items() if key not in ("account", "name")}
