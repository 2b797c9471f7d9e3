"""Pasqal's token endpoint and its core and account APIs."""

import uuid
from urllib.parse import urlencode

from .core import Answer, Call, route
from .exchange import Exchanging, form

CORE = r"/core-fast/api"
GRANT = {
    "grant_type": "http://auth0.com/oauth/grant-type/password-realm",
    "client_id": "PeZvo7Atx7IVv3iel59asJSb4Ig7vuSB",
    "realm": "pcs-users",
    "audience": "https://apis.pasqal.cloud/account/api/v1",
}
STEPS = {"PENDING": "RUNNING", "RUNNING": "DONE"}


class Pasqal(Exchanging):
    """A batch takes a step at each look at its state: running, then done; one whose sequence begins with `hold` takes
    the first only. A secret is a password, good only with its user name; a batch must name the account's project."""

    provider = "pasqal"
    harmless = "/core-fast/api/v1/devices/specs"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.batches: dict[str, dict] = {}

    @staticmethod
    def username(account: str) -> str:
        return f"{account}@fake.example.org"

    @staticmethod
    def project(account: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{account}.fake.example.org"))

    @classmethod
    def fields(cls, account: str, token: str) -> dict[str, str]:
        return {"username": cls.username(account), "password": token, "project_id": cls.project(account)}

    @classmethod
    def login(cls, account, secret):
        return "/oauth/token", urlencode(GRANT | {"username": cls.username(account), "password": secret})

    def refusal(self, status, text):
        return Answer(status, {"status": "fail", "code": status, "message": "Refused", "data": {"description": text}})

    @route("POST", "/oauth/token", open_to_all=True)
    def token(self, call: Call):
        given = form(call)
        account = self.accounts.get(given.pop("password", ""))
        right = account and given == GRANT | {"username": self.username(account)} and not call.values("authorization")
        return self.exchanged(
            call,
            account if right else None,
            lambda token: {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer", "scope": "fake"},
        )

    @route("GET", "/account/api/v1/projects")
    def projects(self, call: Call):
        return _success([{"id": self.project(call.account), "name": call.account, "status": "ACTIVE"}])

    @route("GET", CORE + "/v1/devices/specs")
    def devices(self, call: Call):
        return _success({"EMU_FREE": "{}"})

    @route("GET", CORE + "/v1/devices/public-specs", open_to_all=True)
    def public_devices(self, call: Call):
        return _success([{"device_type": "EMU_FREE", "specs": "{}"}])

    # Batches

    @route("POST", CORE + "/v1/batches")
    def submit(self, call: Call):
        asked = call.json
        if asked["project_id"] != self.project(call.account):
            self.complaints.append(f"{call.path}: the project is not the account's")
            return self.refusal(403, "Not your project")
        batch = {
            "id": str(uuid.uuid4()),
            "account": call.account,
            "project_id": asked["project_id"],
            "user_id": call.account,
            "status": "PENDING",
            "open": asked["open"],
            "complete": not asked["open"],
            "device_type": asked["device_type"],
            "sequence_builder": asked["sequence_builder"],
            "created_at": "2026-11-22T10:00:00",
            "updated_at": "2026-11-22T10:00:00",
            "jobs": [],
        }
        self._add_jobs(batch, asked["jobs"])
        self.batches[batch["id"]] = batch
        return _success(_with_jobs(batch))

    @route("POST", CORE + r"/v2/batches/(?P<id>[^/]+)/jobs")
    def add_jobs(self, call: Call, id: str):
        if not (batch := self._mine(call, id)) or not batch["open"]:
            return self.refusal(404, "No such open batch")
        self._add_jobs(batch, call.json)
        return _success(_with_jobs(batch))

    @route("GET", CORE + r"/v2/batches/(?P<id>[^/]+)")
    def show(self, call: Call, id: str):
        batch = self._mine(call, id)
        return _success(_shown(batch)) if batch else self.refusal(404, "No such batch")

    @route("GET", CORE + r"/v1/batches/(?P<id>[^/]+)/status")
    def status(self, call: Call, id: str):
        if not (batch := self._mine(call, id)):
            return self.refusal(404, "No such batch")
        return _success({"id": id, "status": self._step(batch), "jobs_count_per_status": {batch["status"]: len(batch["jobs"])}})

    @route("GET", CORE + "/v1/batches")
    def list_batches(self, call: Call):
        return _page(call, [_shown(batch) for batch in self.batches.values() if batch["account"] == call.account])

    @route("PATCH", CORE + r"/v2/batches/(?P<id>[^/]+)/complete")
    def close(self, call: Call, id: str):
        if not (batch := self._mine(call, id)):
            return self.refusal(404, "No such batch")
        batch |= {"open": False, "complete": True}
        return _success(_shown(batch))

    @route("PATCH", CORE + r"/v2/batches/(?P<id>[^/]+)/cancel")
    def cancel(self, call: Call, id: str):
        if not (batch := self._mine(call, id)):
            return self.refusal(404, "No such batch")
        self._set(batch, "CANCELED")
        return _success(_shown(batch))

    @route("PATCH", CORE + "/v1/batches/cancel")
    def cancel_many(self, call: Call):
        batches = [self._mine(call, id) for id in call.json["batch_ids"]]
        for batch in filter(None, batches):
            self._set(batch, "CANCELED")
        unknown = [id for id, batch in zip(call.json["batch_ids"], batches, strict=True) if batch is None]
        return _success({"batches": [_shown(b) for b in batches if b], "errors": dict.fromkeys(unknown, "No such batch")})

    # Jobs

    @route("GET", CORE + "/v2/jobs")
    def list_jobs(self, call: Call):
        mine = [batch for batch in self.batches.values() if batch["account"] == call.account]
        wanted = call.query.get("batch_id")
        return _page(call, [job for batch in mine if wanted in (None, batch["id"]) for job in batch["jobs"]])

    @route("GET", CORE + r"/v2/jobs/(?P<id>[^/]+)")
    def show_job(self, call: Call, id: str):
        _, job = self._my_job(call, id)
        return _success(job | {"sequence": None}) if job else self.refusal(404, "No such job")

    @route("GET", CORE + r"/v1/jobs/(?P<id>[^/]+)/status")
    def job_status(self, call: Call, id: str):
        batch, job = self._my_job(call, id)
        if not job:
            return self.refusal(404, "No such job")
        self._step(batch)
        return _success({"id": id, "status": job["status"]})

    @route("GET", CORE + r"/v1/jobs/(?P<id>[^/]+)/results_link")
    def results_link(self, call: Call, id: str):
        _, job = self._my_job(call, id)
        if not job:
            return self.refusal(404, "No such job")
        # Signed: whoever has it may read, and no credential belongs there.
        link = f"{self.url}/storage/{id}?X-Amz-Signature=fake"
        return _success({"results_link": link if job["status"] == "DONE" else None})

    @route("PATCH", CORE + r"/v2/jobs/(?P<id>[^/]+)/cancel")
    def cancel_job(self, call: Call, id: str):
        _, job = self._my_job(call, id)
        if not job:
            return self.refusal(404, "No such job")
        job["status"] = "CANCELED"
        return _success(job)

    @route("GET", r"/storage/(?P<id>[^/]+)", open_to_all=True)
    def stored(self, call: Call, id: str):
        if call.values("authorization"):
            self.complaints.append("a credential came with a link that is signed")
        return Answer(200, {"counter": {"00": 25, "11": 25}, "raw": ["00", "11"]})

    def _add_jobs(self, batch: dict, jobs: list[dict]):
        shared = {key: batch[key] for key in ("project_id", "created_at", "updated_at")}
        new = [job | shared | {"id": str(uuid.uuid4()), "batch_id": batch["id"], "status": "PENDING"} for job in jobs]
        batch["jobs"] += new

    def _step(self, batch: dict) -> str:
        if not (batch["status"] == "RUNNING" and batch["sequence_builder"].startswith("hold")):
            self._set(batch, STEPS.get(batch["status"], batch["status"]))
        return batch["status"]

    def _set(self, batch: dict, status: str):
        for part in (batch, *batch["jobs"]):
            part["status"] = status

    def _mine(self, call: Call, id: str) -> dict | None:
        batch = self.batches.get(id)
        return batch if batch and batch["account"] == call.account else None

    def _my_job(self, call: Call, id: str) -> tuple[dict | None, dict | None]:
        for batch in self.batches.values():
            for job in batch["jobs"]:
                if job["id"] == id and batch["account"] == call.account:
                    return batch, job
        return None, None


def _success(data) -> Answer:
    return Answer(200, {"status": "success", "code": 200, "message": "OK.", "data": data})


def _page(call: Call, items: list) -> Answer:
    first = int(call.query.get("offset", 0))
    page = items[first : first + int(call.query.get("limit", 100))]
    answer = _success(page)
    answer.body["pagination"] = {"total": len(items), "start": first, "end": first + len(page)}
    return answer


def _shown(batch: dict) -> dict:
    """As v2 has it: with the ids of its jobs, not the jobs."""
    rest = {key: value for key, value in batch.items() if key not in ("account", "jobs")}
    return rest | {"job_ids": [job["id"] for job in batch["jobs"]]}


def _with_jobs(batch: dict) -> dict:
    return {key: value for key, value in batch.items() if key != "account"}
