"""PlanQK's quantum API."""

import uuid

from .core import Answer, Call, StandIn, route

API = r"/quantum"


class PlanQK(StandIn):
    """A job is running at the first look and completed at the second; one named `hold…` stays running.

    The token of an account in `organizations` is good only together with its organization's id.
    """

    provider = "planqk"
    credential_header = "x-auth-token"
    harmless = "/quantum/backends"

    selectors = {"x-organizationid"}
    organizations = {"acme": "7e0a1c9d-fake-acme"}

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}

    def refusal(self, status, text):
        # 404 is read with `error` as a string, everything else with `error_message`.
        return Answer(status, {"status": status, "error": text, "error_message": text})

    @classmethod
    def fields(cls, account, token):
        organization = cls.organizations.get(account)
        return {"token": token} | ({"organization_id": organization} if organization else {})

    @classmethod
    def credential(cls, account, token):
        organization = cls.organizations.get(account)
        return super().credential(account, token) | ({"x-organizationid": organization} if organization else {})

    @route("GET", API + r"/backends")
    def backends(self, call: Call):
        return Answer(200, [_backend(BACKEND)])

    @route("GET", API + r"/backends/(?P<id>[^/]+)")
    def backend(self, call: Call, id: str):
        return Answer(200, _backend(id)) if id == BACKEND else self.refusal(404, f"Backend {id} does not exist")

    @route("GET", API + r"/backends/(?P<id>[^/]+)/status")
    def backend_status(self, call: Call, id: str):
        return Answer(200, {"status": "ONLINE"})

    @route("POST", API + r"/jobs")
    def submit(self, call: Call):
        job = call.json | {"id": str(uuid.uuid4()), "account": call.account, "status": "PENDING"}
        job["input_params"] = job.get("input_params", {}) | {"qubits": job["input"]["qubits"]}
        self.jobs[job["id"]] = job
        return Answer(201, _shown(job))

    @route("GET", API + r"/jobs")
    def list_jobs(self, call: Call):
        mine = [_shown(job) for job in self.jobs.values() if job["account"] == call.account]
        first = int(call.query["page"]) * int(call.query["size"])
        page = mine[first : first + int(call.query["size"])]
        return Answer(200, {"content": page, "last": first + len(page) >= len(mine)})

    @route("GET", API + r"/jobs/(?P<id>[^/]+)")
    def show(self, call: Call, id: str):
        job = self._mine(call, id)
        return Answer(200, _shown(job)) if job else self.refusal(404, "Job not found")

    @route("GET", API + r"/jobs/(?P<id>[^/]+)/status")
    def poll(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        if job["status"] == "PENDING":
            job["status"] = "RUNNING"
        elif job["status"] == "RUNNING" and not (job.get("name") or "").startswith("hold"):
            job["status"] = "COMPLETED"
        return Answer(200, {"status": job["status"]})

    @route("GET", API + r"/jobs/(?P<id>[^/]+)/result")
    def result(self, call: Call, id: str):
        if not (job := self._mine(call, id)) or job["status"] != "COMPLETED":
            return self.refusal(404, "Result not found")
        return Answer(200, {"histogram": {"0": 0.5, "3": 0.5}})

    @route("DELETE", API + r"/jobs/(?P<id>[^/]+)")
    def cancel(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        job["status"] = "CANCELLED"
        return Answer(204)

    def _mine(self, call: Call, id: str) -> dict | None:
        job = self.jobs.get(id)
        return job if job and job["account"] == call.account else None


BACKEND = "azure.ionq.simulator"


def _backend(id: str) -> dict:
    gates = [{"name": name, "native_gate": False} for name in ("h", "cx", "x")]
    configuration = {
        "gates": gates,
        "instructions": ["measure"],
        "qubit_count": 11,
        "connectivity": {"fully_connected": True},
        "supported_input_formats": ["IONQ_CIRCUIT_V1"],
        "shots_range": {"min": 1, "max": 1000},
    }
    return {
        "id": id,
        "provider": "AZURE",
        "hardware_provider": "IONQ",
        "type": "SIMULATOR",
        "status": "ONLINE",
        "configuration": configuration,
    }


def _shown(job: dict) -> dict:
    return {key: value for key, value in job.items() if key not in ("account", "status")}
