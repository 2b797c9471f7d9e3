"""The proxies that are measured, each set up for the same job: streaming both ways, with one worker.

A caller's request to `/bench/…` goes to the upstream's `/…`, with the provider's key in place of the caller's token.
"""

import json
import os
import socket
import tempfile
import time
from pathlib import Path

from harness.machine import Process
from harness.people import People
from harness.stage import HERE, Stage, Unusable, Way

START_SECONDS = 120  # nginx takes a while over a million map entries
BUSIEST = "10000000/s"  # a limit that nobody reaches: each request is counted, and none is refused


class Proxy:
    """A running proxy that serves these people."""

    name: str
    process: Process
    port: int

    def __init__(self, stage: Stage, way: Way, people: People):
        self.stage, self.way, self.people = stage, way, people
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=stage.folder))
        self._start()

    @property
    def origin(self) -> str:
        return f"{'https' if self.way.caller_tls else 'http'}://127.0.0.1:{self.port}"

    def stop(self):
        self.process.stop()

    def _start(self):
        raise NotImplementedError

    def _run(self, command: list):
        self.process = Process(command, self.stage.cores.proxy, self.folder / "log")

    def _wait_until(self, ready):
        """What `ready` returns once it is something."""
        until = time.monotonic() + START_SECONDS
        while not (outcome := ready()):
            if self.process.has_ended() or time.monotonic() > until:
                self.process.stop()
                raise Unusable(f"{self.name} does not start:\n{self.process.output()[-2000:]}")
            time.sleep(0.05)
        return outcome


class Bellhop(Proxy):
    """As it is by default: limits, redaction, receipts and metrics are on."""

    name = "bellhop"

    @staticmethod
    def apply(stage: Stage, people: People) -> float:
        """Puts the people into a store, which the processes that serve them then share. Returns the seconds it took."""
        config = stage.file(f"apply-{people.count}.yaml")
        config.write_text(json.dumps(Bellhop._config(stage, Way(False, False), people)))  # JSON is YAML
        command = [stage.bellhop, "--config", config, "apply", people.state()]
        began = time.monotonic()
        process = Process(command, stage.cores.proxy, stage.file("apply.log"))
        try:
            code = process.wait()
        finally:
            process.stop()
        if code:
            raise Unusable(f"`bellhop apply` exits with {code}:\n{process.output()[-2000:]}")
        return time.monotonic() - began

    def _start(self):
        config = self.folder / "bellhop.yaml"
        config.write_text(json.dumps(self._config(self.stage, self.way, self.people)))
        self._run([self.stage.bellhop, "--config", config, "serve"])
        proxy = self._wait_until(self._listening)
        self.port = int(proxy.rpartition(":")[2])

    def _listening(self) -> str | None:
        """The address that it says it listens at."""
        for line in self.process.output().splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("message") == "listening":
                return event["proxy"]
        return None

    @staticmethod
    def _config(stage: Stage, way: Way, people: People) -> dict:
        certificate = {"cert": str(stage.file("leaf.pem")), "key": str(stage.file("leaf.key"))}
        scheme = "https" if way.upstream_tls else "http"
        return {
            "listen": {"proxy": "127.0.0.1:0", "admin": "127.0.0.1:0", "workers": 1},
            "tls": certificate if way.caller_tls else {},
            "data_dir": str(stage.file(f"data-{people.count}")),
            "presets": [str(HERE / "preset.yaml")],
            "providers": {
                "bench": {
                    "upstream": f"{scheme}://{stage.upstream(way)}",
                    "allow_private": True,
                    "ca_file": str(stage.file("ca.pem")),
                }
            },
            "limits": {"per_token": BUSIEST, "per_user": BUSIEST, "per_credential": BUSIEST},
            "log": {"format": "json"},
        }


class Nginx(Proxy):
    """The yardstick. It looks the key up in a map and swaps two headers: it has no limits, receipts or redaction."""

    name = "nginx"

    def _start(self):
        with socket.create_server(("127.0.0.1", 0)) as reserved:  # nginx cannot be told to take any free port
            self.port = reserved.getsockname()[1]
        config = self.folder / "nginx.conf"
        config.write_text(self._config())
        self._run(["nginx", "-c", config, "-p", self.folder])
        self._wait_until(self._accepts)

    def _accepts(self) -> bool:
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self.port)) == 0

    def _config(self) -> str:
        stage, way, folder = self.stage, self.way, self.folder
        listen = f"listen 127.0.0.1:{self.port} backlog=4096 {'ssl' if way.caller_tls else ''};"
        if way.caller_tls:
            listen += f" ssl_certificate {stage.file('leaf.pem')}; ssl_certificate_key {stage.file('leaf.key')};"
            listen += " ssl_protocols TLSv1.2 TLSv1.3;"
        verify = ""
        if way.upstream_tls:
            verify = f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {stage.file('ca.pem')};"
            verify += " proxy_ssl_name localhost; proxy_ssl_protocols TLSv1.2 TLSv1.3;"
        temporary = "client_body proxy fastcgi uwsgi scgi".split()
        return f"""
            worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log error;
            {"user root;" if os.geteuid() == 0 else ""}
            events {{ worker_connections 8192; }}
            http {{
              access_log off; server_tokens off; client_max_body_size 0;
              {"".join(f"{name}_temp_path {folder}/{name};" for name in temporary)}
              keepalive_requests 1000000000; keepalive_timeout 300s;
              map_hash_max_size {max(2048, 2 * self.people.count)}; map_hash_bucket_size 256;
              map $http_authorization $key {{ default ""; include {self.people.nginx_map()}; }}
              upstream provider {{
                server {stage.upstream(way)}; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 300s;
              }}
              server {{
                {listen}
                location /bench/ {{
                  if ($key = "") {{ return 401; }}
                  proxy_pass {"https" if way.upstream_tls else "http"}://provider/;
                  proxy_http_version 1.1; proxy_set_header Connection "";
                  proxy_set_header Host {stage.upstream(way)}; proxy_set_header Authorization $key;
                  proxy_request_buffering off; proxy_buffering off;
                  proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 32k;
                  {verify}
                }}
              }}
            }}
        """

