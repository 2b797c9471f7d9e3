"""Strangeworks' platform: the exchange of keys, the GraphQL of its SDK, and one product behind its REST proxy."""

import json
import re
import uuid

from .core import Answer, Call, route
from .exchange import Exchanging

PRODUCT = "fake-annealer"
STEPS = {"QUEUED": "RUNNING", "RUNNING": "COMPLETED"}
OPERATION = re.compile(r"\s*(?:query|mutation)\s+(\w+)")


class Strangeworks(Exchanging):
    """A job takes a step each time it is looked at by its name: running, then completed."""

    provider = "strangeworks"
    harmless = f"/products/{PRODUCT}/resource/{PRODUCT}-ada"

    def __init__(self, accounts):
        super().__init__(accounts)
        self.jobs: dict[str, dict] = {}

    @classmethod
    def fields(cls, account: str, token: str) -> dict[str, str]:
        return {"key": token}

    @classmethod
    def login(cls, account, secret):
        return "/users/token", json.dumps({"key": secret})

    def refusal(self, status, text):
        return Answer(status, {"message": text, "errors": [{"message": text}]})

    @route("POST", "/users/token", open_to_all=True)
    def token(self, call: Call):
        given = call.json
        right = set(given) == {"key"} and not call.values("authorization")
        # No word of how long it lasts but in the token itself.
        return self.exchanged(call, self.accounts.get(given["key"]) if right else None, lambda token: {"accessToken": token})

    @route("POST", "/sdk")
    def graphql(self, call: Call):
        asked = call.json
        name, variables = OPERATION.match(asked["query"])[1], asked.get("variables", {})
        match name:
            case "getWorkspace":
                workspace = {"id": f"id-{call.account}", "slug": call.account, "isDisabled": False, "name": call.account}
                return _data({"workspace": workspace})
            case "sdk_get_resources":
                return _data({"workspace": {"resources": _page([_resource(call.account)])}})
            case "sdk_get_jobs":
                return _data({"workspace": {"jobs": _page(self._jobs(call.account, variables.get("job_slug")))}})
            case "jobAddTags":
                job = self._mine(call.account, variables["job_slug"])
                job["tags"] += variables["tags"]
                return _data({"jobAddTags": {"tags": _tags(job)}})
            case "backends":
                return _data({"backends": [{"id": "1", "name": "Fake", "slug": "fake", "remoteStatus": "ONLINE"}]})
        self.complaints.append(f"no such GraphQL operation: {name}")
        return self.refusal(400, f"Unknown operation {name}")

    @route("POST", f"/products/{PRODUCT}/resource/(?P<resource>[^/]+)/jobs")
    def submit(self, call: Call, resource: str):
        if resource != _resource(call.account)["slug"]:
            return self.refusal(404, "No such resource")
        slug = f"job-{uuid.uuid4()}"
        self.jobs[slug] = {"account": call.account, "status": "QUEUED", "tags": [], "payload": call.json}
        return Answer(200, {"slug": slug, "status": "QUEUED"})

    @route("GET", f"/products/{PRODUCT}/resource/(?P<resource>[^/]+)")
    def about(self, call: Call, resource: str):
        return Answer(200, {"slug": resource}) if resource == _resource(call.account)["slug"] else self.refusal(404, "No such resource")

    @route("GET", r"/files/(?P<slug>[^/]+)/result\.json")
    def download(self, call: Call, slug: str):
        if not (job := self._mine(call.account, slug)):
            return self.refusal(404, "No such file")
        return Answer(200, {"counts": {"00": 50, "11": 50}, "payload": job["payload"]})

    def _jobs(self, account: str, slug: str | None) -> list[dict]:
        if job := self._mine(account, slug):
            job["status"] = STEPS.get(job["status"], job["status"])
        mine = [name for name, job in self.jobs.items() if job["account"] == account and slug in (None, name)]
        return [self._shown(name) for name in mine]

    def _shown(self, slug: str) -> dict:
        job = self.jobs[slug]
        # An absolute URL, to which the SDK sends its token if it begins as its own base does.
        file = {"id": "1", "slug": f"file-of-{slug}", "fileName": "result.json", "url": f"{self.url}/files/{slug}/result.json"}
        return {
            "slug": slug,
            "childJobs": [],
            "status": job["status"],
            "resource": _resource(job["account"]),
            "files": [{"file": file}] if job["status"] == "COMPLETED" else [],
            "tags": _tags(job),
        }

    def _mine(self, account: str, slug: str | None) -> dict | None:
        job = self.jobs.get(slug)
        return job if job and job["account"] == account else None


def _resource(account: str) -> dict:
    product = {"slug": PRODUCT, "name": "Fake annealer"}
    return {"slug": f"{PRODUCT}-{account}", "isDeleted": False, "status": "ACTIVE", "product": product}


def _tags(job: dict) -> list[dict]:
    return [{"tag": {"tag": tag}} for tag in job["tags"]]


def _page(nodes: list[dict]) -> dict:
    edges = [{"cursor": str(at), "node": node} for at, node in enumerate(nodes)]
    return {"pageInfo": {"endCursor": "", "hasNextPage": False}, "edges": edges}


def _data(data: dict) -> Answer:
    return Answer(200, {"data": data})
