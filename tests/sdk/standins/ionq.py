"""IonQ's API v0.4."""

import uuid

from .core import Answer, Call, StandIn, route

V = r"/v0\.4"


class IonQ(StandIn):
    """A job is seen once as started, then as completed; one whose name begins with `hold` stays started."""

    provider = "ionq"
    credential_header = "authorization"
    credential_word = "apiKey"
    harmless = "/v0.4/jobs"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}

    @classmethod
    def fields(cls, account, token):
        return {"api_key": token}

    def refusal(self, status, text):
        return Answer(
            status, {"statusCode": status, "error": "Unauthorized" if status == 401 else "Error", "message": text}
        )

    @route("GET", V + r"/backends/(?P<name>[^/]+)", open_to_all=True)
    def backend(self, call: Call, name: str):
        return Answer(
            200, {"backend": name, "status": "available", "qubits": 29, "average_queue_time": 0, "last_updated": 0}
        )

    @route("POST", V + r"/jobs")
    def submit(self, call: Call):
        job = call.json
        id = str(uuid.uuid4())
        circuits = len(job["input"].get("circuits", [None]))
        children = [str(uuid.uuid4()) for _ in range(circuits)] if circuits > 1 else []
        self.jobs[id] = NOTHING_YET | {
            "id": id,
            "account": call.account,
            "status": "submitted",
            "type": job["type"],
            "name": job.get("name"),
            "backend": job["backend"],
            "shots": int(job.get("shots") or 100),
            "metadata": job.get("metadata") or {},
            "stats": {"qubits": job["input"]["qubits"], "circuits": circuits, "gate_counts": {}},
            "child_job_ids": children,
            "execution_duration_ms": 8,
        }
        return Answer(201, {"id": id, "status": "submitted", "session_id": None})  # ionq-core wants this very status

    @route("GET", V + r"/jobs")
    def list_jobs(self, call: Call):
        newest_first = reversed(self.jobs.values())
        mine = [_shown(job) for job in newest_first if job["account"] == call.account]
        return Answer(200, {"jobs": mine, "next": None})

    @route("GET", V + r"/jobs/(?P<id>[^/]+)")
    def poll(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        if job["status"] == "submitted":
            job["status"] = "started"
        elif job["status"] == "started" and not (job["name"] or "").startswith("hold"):
            job["status"] = "completed"
            path = f"/v0.4/jobs/{id}/results/probabilities" + ("/aggregated" if job["child_job_ids"] else "")
            # A path, not a URL: the SDK joins it to the base it was given.
            job["results"] = {"probabilities": {"url": path}}
        return Answer(200, _shown(job))

    @route("GET", V + r"/jobs/(?P<id>[^/]+)/results/probabilities")
    def probabilities(self, call: Call, id: str):
        if not self._mine(call, id):
            return self.refusal(404, "Job not found")
        return Answer(200, BELL_PAIR)

    @route("GET", V + r"/jobs/(?P<id>[^/]+)/results/probabilities/aggregated")
    def aggregated(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        return Answer(200, {child: BELL_PAIR for child in job["child_job_ids"]})

    @route("PUT", V + r"/jobs/(?P<id>[^/]+)/status/cancel")
    def cancel(self, call: Call, id: str):
        if not (job := self._mine(call, id)):
            return self.refusal(404, "Job not found")
        job["status"] = "canceled"
        return Answer(200, {"id": id, "status": "canceled"})

    @route("DELETE", V + r"/jobs/(?P<id>[^/]+)")
    def delete(self, call: Call, id: str):
        if not self._mine(call, id):
            return self.refusal(404, "Job not found")
        del self.jobs[id]
        return Answer(200, {"id": id, "status": "deleted"})

    def _mine(self, call: Call, id: str) -> dict | None:
        job = self.jobs.get(id)
        return job if job and job["account"] == call.account else None


# Fields that ionq-core misses when they are not there.
NOTHING_YET = {
    "dry_run": False,
    "submitter_id": "fake-submitter",
    "project_id": None,
    "parent_job_id": None,
    "session_id": None,
    "submitted_at": "2026-11-01T12:00:00.000Z",
    "started_at": None,
    "completed_at": None,
    "predicted_wait_time_ms": None,
    "predicted_execution_duration_ms": None,
    "failure": None,
    "output": {},
    "settings": {},
    "results": None,
}
BELL_PAIR = {"0": 0.5, "3": 0.5}


def _shown(job: dict) -> dict:
    return {key: value for key, value in job.items() if key != "account"}
