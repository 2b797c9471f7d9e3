"""Mat3ra's REST API, whose version is spelled in two ways."""

import json
import uuid

from .core import Answer, Call, StandIn, route

API = r"/api/2018-10-0?1"


class Mat3ra(StandIn):
    """A job is made, then submitted, which is what costs; it is active when first looked at, and finished when again.

    One whose name begins with `hold` stays active. A token is good only together with its account's id.
    """

    provider = "mat3ra"
    credential_header = "x-auth-token"
    harmless = "/api/v1/users/me"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}

    @classmethod
    def fields(cls, account, token):
        return {"token": token, "account_id": account_id(account)}

    @classmethod
    def credential(cls, account, token):
        return super().credential(account, token) | {"x-account-id": account_id(account)}

    def refusal(self, status, text):
        return Answer(status, {"status": "fail", "data": {"message": text}})

    @route("GET", "/api/v1/users/me")
    def me(self, call: Call):
        entity = {"_id": account_id(call.account), "name": call.account, "type": "personal"}
        user = {"entity": {"_id": f"user-{call.account}", "defaultAccountId": entity["_id"]}}
        return _success({"user": user, "accounts": [{"entity": entity, "isDefault": True}]})

    @route("GET", API + r"/projects")
    def projects(self, call: Call):
        owner = json.loads(call.query["query"]).get("owner._id")
        if owner not in (None, account_id(call.account)):
            return _success([])
        return _success([{"_id": f"project-{call.account}", "name": "Default", "isDefault": True}])

    @route("PUT", API + r"/jobs/create")
    def create(self, call: Call):
        job = call.json
        if job.get("owner", {}).get("_id") not in (None, account_id(call.account)):
            return self.refusal(403, "The owner is somebody else")
        if job["_project"]["_id"] != f"project-{call.account}":
            return self.refusal(404, "No such project")
        job |= {"_id": uuid.uuid4().hex[:17], "status": "pre-submission", "account": call.account}
        self.jobs[job["_id"]] = job
        return _success(_shown(job))

    @route("POST", API + r"/jobs/(?P<id>[^/]+)/submit")
    def submit(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        job["status"] = "submitted"
        return _success(_shown(job))

    @route("GET", API + r"/jobs")
    def list_jobs(self, call: Call):
        query = json.loads(call.query["query"])
        mine = [_shown(job) for job in self.jobs.values() if job["account"] == call.account]
        return _success([job for job in mine if all(job.get(name) == value for name, value in query.items())])

    @route("GET", API + r"/jobs/(?P<id>[^/]+)")
    def show(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        if job["status"] == "submitted":
            job["status"] = "active"
        elif job["status"] == "active" and not job["name"].startswith("hold"):
            job["status"] = "finished"
        return _success(_shown(job))

    @route("GET", API + r"/jobs/(?P<id>[^/]+)/files")
    def files(self, call: Call, id: str):
        if not (job := self._mine(call, id)) or job["status"] != "finished":
            return self.refusal(404, "Job not found")
        return _success(
            [{"name": "result.json", "size": 2, "signedURL": "https://storage.invalid/result.json?signature=fake"}]
        )

    @route("DELETE", API + r"/jobs/(?P<id>[^/]+)")
    def delete(self, call: Call, id: str):
        if not self._mine(call, id):
            return self.refusal(404, "Job not found")
        return _success({"_id": self.jobs.pop(id)["_id"]})

    def _mine(self, call: Call, id: str) -> dict | None:
        job = self.jobs.get(id)
        return job if job and job["account"] == call.account else None


def account_id(account: str) -> str:
    return f"fake-account-{account}"


def _success(data) -> Answer:
    return Answer(200, {"status": "success", "data": data})


def _shown(job: dict) -> dict:
    return {key: value for key, value in job.items() if key != "account"}
