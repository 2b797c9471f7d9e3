"""What surrounds the proxies of a run: a scratch folder, certificates, and the upstream. Everything goes at the end."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from harness.machine import Cores, Process

HERE = Path(__file__).parent
START_SECONDS = 10


class Unusable(Exception):
    """The run cannot be made, or its figures would mean nothing. Says what to do."""


class Way(NamedTuple):
    """Where there is TLS: between caller and proxy, between proxy and provider."""

    caller_tls: bool
    upstream_tls: bool


PLAIN, TLS_UP, TLS_BOTH, TLS_IN = Way(False, False), Way(False, True), Way(True, True), Way(True, False)


class Stage:
    def __init__(self, bellhop: Path, cores: Cores):
        self.bellhop = bellhop
        self.cores = cores
        self._scratch = tempfile.TemporaryDirectory(prefix="bellhop-bench-")
        self.folder = Path(self._scratch.name)
        self._upstream = None

    def __enter__(self) -> "Stage":
        try:
            self._make_certificates()
            self._start_upstream()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._upstream:
            self._upstream.stop()
        self._scratch.cleanup()

    def file(self, name: str) -> Path:
        return self.folder / name

    def upstream(self, way: Way) -> str:
        """The upstream's address, as host and port."""
        return f"127.0.0.1:{self._ports[way.upstream_tls]}"

    def _start_upstream(self):
        program = self.file("upstream")
        self._tool("cc", "-O2", "-o", program, HERE / "upstream.c", "-lssl", "-lcrypto")
        command = [program, self.file("leaf.pem"), self.file("leaf.key")]
        self._upstream = Process(command, self.cores.load, self.file("upstream.log"))
        until = time.monotonic() + START_SECONDS
        while not (said := self._upstream.output()).endswith("\n"):
            if self._upstream.has_ended() or time.monotonic() > until:
                raise Unusable(f"the upstream does not start: {said}")
            time.sleep(0.05)
        self._ports = [int(port) for port in said.split()]

    def _make_certificates(self):
        """An authority of the run's own, and a certificate of it for this machine."""
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        ca = ["-keyout", self.file("ca.key"), "-out", self.file("ca.pem")]
        self._tool("openssl", "req", "-x509", *new_key, *ca, "-days", "30", "-subj", "/CN=bench authority")
        request = ["-keyout", self.file("leaf.key"), "-out", self.file("leaf.csr")]
        self._tool("openssl", "req", *new_key, *request, "-subj", "/CN=localhost")
        self.file("names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        signed = ["-in", self.file("leaf.csr"), "-extfile", self.file("names"), "-out", self.file("leaf.pem")]
        authority = ["-CA", self.file("ca.pem"), "-CAkey", self.file("ca.key"), "-CAcreateserial"]
        self._tool("openssl", "x509", "-req", *signed, *authority, "-days", "30")

    def _tool(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode:
            raise Unusable(f"`{command[0]}` fails:\n{done.stderr.strip()}")
