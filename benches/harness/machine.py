"""Processes on a core of their own, what they cost, and the machine on which that is so."""

import datetime
import os
import platform
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
TERM_SECONDS = 40  # longer than a drain may take


class Cores(NamedTuple):
    """The load and the provider share one, so that the other does nothing but the work that is measured."""

    load: int
    proxy: int


class Process:
    """A program, with all that it starts, pinned to a core. Its output goes to `log`."""

    def __init__(self, command: list, core: int, log: Path):
        self.log = log
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # by which its children are known, and ended
                preexec_fn=lambda: os.sched_setaffinity(0, {core}),
            )

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        return self._process.wait()

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return sum(int(stat[11]) + int(stat[12]) for _, stat in self._members()) / TICKS

    def memory_mib(self) -> float:
        """Resident, pages that are shared with others in parts (Pss)."""
        return sum(_pss_kib(pid) for pid, _ in self._members()) / 1024

    def stop(self):
        for ending, patience in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, None)):
            try:
                os.killpg(self._process.pid, ending)
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                self._process.wait()
                return

    def _members(self):
        """The processes of its session, with the fields of their `stat` from the state on."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                stat = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if stat[3] == str(self._process.pid):
                yield pid, stat


def _pss_kib(pid: str) -> int:
    try:
        return int(re.search(r"^Pss:\s+(\d+)", Path("/proc", pid, "smaps_rollup").read_text(), re.M)[1])
    except OSError:
        return 0


def said_by(*command) -> str:
    """What a program prints, wherever it prints it; nothing if it is not there."""
    if not shutil.which(str(command[0])):
        return ""
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()


def description(bellhop: Path, cores: Cores) -> dict:
    """What has to be known about the machine to make sense of figures from it."""
    root = Path(__file__).parents[2]
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": _found(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()) or platform.machine(),
        "cpus": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": _found(r'PRETTY_NAME="(.+)"', Path("/etc/os-release").read_text()),
        "kernel": f"{platform.system()} {platform.release()}",
        "cores": cores._asdict(),
        "load_average": os.getloadavg()[0],
        "bellhop": said_by(bellhop, "--version").removeprefix("bellhop "),
        "commit": said_by("git", "-C", root, "describe", "--always", "--dirty"),
        "nginx": _found(r"nginx/(\S+)", said_by("nginx", "-v")),
        "wrk": _found(r"wrk \D*([\d.]+)", said_by("wrk", "-v")),
        "openssl": _found(r"OpenSSL (\S+)", said_by("openssl", "version")),
    }


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1].strip() if found else ""
