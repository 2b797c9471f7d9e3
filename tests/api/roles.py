"""Starts a Bellhop with people, an organization, credentials and jobs, and holds it to its document as each of three roles.

    roles.py [--cases N] [administrator | member | nobody …]

What is checked and how much is sent: schemathesis.toml. Prints Schemathesis's own summaries, and one closing line.
"""

import argparse
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROLES = {"administrator": "iris", "member": "alan", "nobody": None}
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
STARTUP_SECONDS = 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roles", nargs="*", metavar="role", help=" | ".join(ROLES))
    parser.add_argument("--cases", type=int, help="how many for each operation and phase")
    wanted = parser.parse_args()
    if unknown := [role for role in wanted.roles if role not in ROLES]:
        parser.error(f"no role {', '.join(unknown)}")
    began, results = time.monotonic(), {}
    for role in wanted.roles or ROLES:
        # Each has a Bellhop of its own, so that none finds what another one did.
        with tempfile.TemporaryDirectory(prefix="bellhop-api.") as folder, Provider() as provider:
            with Bellhop(Path(folder), provider) as bellhop:
                print(f"\n── {role}", flush=True)
                results[role] = bellhop.hold_to_document(role, wanted.cases)
    wrong = [role for role, is_right in results.items() if not is_right]
    print(f"\n{time.monotonic() - began:.0f} s" + (f"; wrong as {', '.join(wrong)}" if wrong else ""))
    print(f"API: {len(results) - len(wrong)} passed, {len(wrong)} failed")
    return int(bool(wrong))


class Bellhop:
    """With its cast; every token is called `desk`, and may manage."""

    def __init__(self, folder: Path, provider: "Provider"):
        self._folder, self._log, self.tokens = folder, [], {}
        config = {
            "listen": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0"},
            "data_dir": str(folder / "data"),
            "providers": {"ionq": {"upstream": provider.origin, "allow_private": True}},
            # Nobody is here a thousand times.
            "limits": {"failed_lookups": "1000/s"},
            "log": {"format": "json", "level": "info"},
        }
        (folder / "bellhop.yaml").write_text(json.dumps(config))  # JSON is YAML, and the standard library writes it

    def __enter__(self):
        (self._folder / "state.yaml").write_text(json.dumps(cast()))
        done = subprocess.run(**self._command("apply", "state.yaml"), capture_output=True, timeout=60)
        assert done.returncode == 0, f"bellhop apply exited {done.returncode}:\n{done.stderr}"
        for line in done.stdout.splitlines():
            token = json.loads(line)
            self.tokens[token["user"]] = token["value"]
        self._process = subprocess.Popen(**self._command("serve"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        listening = threading.Event()
        threading.Thread(target=self._read_log, args=[listening], daemon=True).start()
        assert listening.wait(STARTUP_SECONDS), "".join(self._log)
        self._submit()
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(STARTUP_SECONDS) == 0, "".join(self._log)

    def hold_to_document(self, role: str, cases: int | None) -> bool:
        token = self.tokens.get(ROLES[role])
        variables = {name: os.environ[name] for name in KEPT if name in os.environ}
        variables |= {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "CAST": json.dumps(self._cast())}
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run"]
        command += [f"{self.url}/api/v1/openapi.json", "--no-color"]
        command += ["--header", f"Authorization: Bearer {token}"] if token else []
        # Nobody gets no further than the door.
        cases = cases or (None if token else 5)
        command += ["--max-examples", str(cases)] if cases else []
        status = subprocess.run(command, cwd=self._folder, env=variables).returncode
        for line in self._log:
            if '"level":"ERROR"' in line:
                print(f"The log has an error: {line}")
                status = status or 1
        if token and self._ask("whoami", token).get("user", {}).get("name") != ROLES[role]:
            print("The run has ended its own token: what came after that was asked by nobody")
            status = status or 1
        return status == 0

    def _cast(self) -> dict:
        """What the run may look at and not destroy, by its names and its ids."""
        admin = self.tokens["iris"]
        users = {user["name"]: user["id"] for user in self._ask("users", admin)["items"]}
        tokens = [token["id"] for user in users for token in self._ask(f"tokens?user={user}", admin)["items"]]
        return {"user": [*users, *users.values()], "token": tokens}

    def _submit(self):
        """Jobs of alan's that acme pays for, and a submission of which nobody knows what came of it."""
        for name in ("one", "two", "lost"):
            body = json.dumps({"backend": "qpu", "shots": 100, "name": name}).encode()
            headers = {"Authorization": f"Bearer {self.tokens['alan']}", "Content-Type": "application/json"}
            try:
                urllib.request.urlopen(urllib.request.Request(f"{self.proxy}/ionq/v0.4/jobs", body, headers), timeout=30)
            except urllib.error.HTTPError:
                assert name == "lost", "a job was refused"
        deadline = time.monotonic() + STARTUP_SECONDS
        while not self._ask("submissions?state=unknown", self.tokens["alan"])["items"]:
            assert time.monotonic() < deadline, "the lost submission is not on record"
            time.sleep(0.1)

    def _ask(self, path: str, token: str) -> dict:
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def _command(self, *arguments: str) -> dict:
        return {"args": [os.environ["BELLHOP_BIN"], *arguments], "cwd": self._folder, "text": True, "env": {}}

    def _read_log(self, listening: threading.Event):
        for line in self._process.stderr:
            self._log.append(line)
            if not listening.is_set() and (found := re.search(r'"message":"listening".*', line)):
                event = json.loads(line)
                fields = event.get("fields", event)
                self.proxy, self.url = (f"http://{fields[name]}" for name in ("proxy", "admin"))
                listening.set()


def cast() -> dict:
    manages = [{"name": "desk", "scopes": ["run", "manage"]}]
    users = [{"name": name, "tokens": manages} for name in ("ada", "grace", "alan", "eve")]
    users[2] |= {"projects": [{"name": "thesis"}]}
    acme = {
        "name": "acme",
        "members": {"ada": "owner", "grace": "maintainer", "alan": "member"},
        "credentials": [{"provider": "ionq", "label": "shared", "fields": {"api_key": {"value": "fake-acme-key-0001"}}}],
        "projects": [{"name": "optics", "members": ["alan"]}],
    }
    return {"users": [*users, {"name": "iris", "admin": True, "tokens": manages}], "organizations": [acme]}


class Provider:
    """A stand-in for IonQ, which makes a job of each submission, and breaks off those that ask for `lost`."""

    def __enter__(self):
        made = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                nonlocal made
                if b"lost" in self.rfile.read(int(self.headers.get("Content-Length", 0))):
                    self.close_connection = True
                    return
                made += 1
                self._answer({"id": f"job-{made}", "status": "submitted"})

            def do_PUT(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer({"status": "canceled"})

            def do_GET(self):
                self._answer({"status": "completed", "backend": "qpu", "shots": 100, "execution_duration_ms": 1500})

            def _answer(self, body: dict):
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    sys.exit(main())
