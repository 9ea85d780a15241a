#!/usr/bin/env python3
"""Builds one environment a test suite and runs it. Needs Python and pip, nothing else.

Examples:
  python tests/run.py                 what CI runs: every suite but those that run by name only (install)
  python tests/run.py core            the core suite only
  python tests/run.py --list          the suites, where they are declared, what they run
  python tests/run.py core -- -k baselines -x     arguments behind -- go to pytest

verl and OpenRLHF pin transformers versions that exclude each other, so each suite has an environment of its
own under .envs/.  An environment is kept and used again until its declaration (tests/**/suite*.json) changes.
While suites run, the environments of the next ones are built. Two suites run side by side (``--jobs``): a framework's
end-to-end runs wait more than they compute. The lines of each then begin with its name.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVS = ROOT / ".envs"
COUNT = re.compile(r"(\d+) (passed|failed|error|errors|skipped|xfailed|xpassed)\b")
SCARCE = 15  # GB free on the disk below which an environment is removed once its suite has run
_printing = threading.Lock()


@dataclass(frozen=True)
class Suite:
    """One environment and the tests that run in it, as declared by a suite*.json file."""

    name: str
    source: Path
    install: list[list[str]]
    """Arguments of one ``pip install`` each, in order; {root} is the repository."""
    pytest: list[str]
    uninstall: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    system: list[str] = field(default_factory=list)
    """Debian packages that some tests use; installed if missing and if that is possible."""
    order: int = 50
    python: str = ""
    """Runs under this interpreter (``"3.10"``) where there is one, else is left out; default: this one."""

    only_named: bool = False
    """Runs only where it is asked for by name: what depends on the world outside more than on a commit."""

    @property
    def folder(self) -> Path:
        return ENVS / self.name

    @property
    def executable(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> str:
        declaration = json.dumps([self.install, self.uninstall, str(interpreter(self))], sort_keys=True)
        return hashlib.sha256(declaration.encode()).hexdigest()


def load_suites() -> list[Suite]:
    suites = []
    for path in sorted((ROOT / "tests").rglob("suite*.json")):
        data = json.loads(path.read_text())
        unknown = set(data) - {f.name for f in fields(Suite)}
        if unknown or not {"name", "install", "pytest"} <= set(data):
            raise SystemExit(f"{path}: needs name, install, pytest; does not know {sorted(unknown)}")
        suites.append(Suite(source=path, **data))
    return sorted(suites, key=lambda s: (s.order, s.name))


@functools.cache
def find_python(version: str) -> Path | None:
    """An interpreter of that version: this one, on the PATH, or among pyenv's."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return Path(sys.executable)
    places = [shutil.which(f"python{version}")]
    places += sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")))
    for place in filter(None, places):
        done = subprocess.run([place, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True)
        if done.returncode == 0:
            return Path(place)
    return None


def interpreter(suite: Suite) -> Path | None:
    return find_python(suite.python) if suite.python else Path(sys.executable)


def say(text: str) -> None:
    with _printing:
        print(text, flush=True)


def free_gb() -> float:
    return shutil.disk_usage(ENVS).free / 1e9


def expand(text: str) -> str:
    return text.replace("{root}", str(ROOT))


def build(suite: Suite) -> float:
    """Makes the suite's environment unless it is there already; returns the seconds it took."""
    start = time.monotonic()
    done = suite.folder / "built"
    if done.exists() and done.read_text() == suite.stamp:
        return 0.0
    shutil.rmtree(suite.folder, ignore_errors=True)
    suite.folder.mkdir(parents=True)
    log = suite.folder / "build.log"
    commands = [[str(interpreter(suite)), "-m", "venv", str(suite.folder)]]
    commands += [[str(suite.executable), "-m", "pip", "install", *map(expand, step)] for step in suite.install]
    if suite.uninstall:
        commands.append([str(suite.executable), "-m", "pip", "uninstall", "-y", *suite.uninstall])
    with log.open("w") as out:
        for command in commands:
            out.write(f"$ {' '.join(command)}\n")
            out.flush()
            for attempt in (1, 2, 3):  # registries hiccup
                if subprocess.run(command, cwd=ROOT, stdout=out, stderr=out).returncode == 0:
                    break
                if attempt == 3:
                    tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
                    raise RuntimeError(f"{' '.join(command)} failed three times; the end of {log}:\n{tail}")
                time.sleep(5)
    system_packages(suite)
    done.write_text(suite.stamp)
    return time.monotonic() - start


def system_packages(suite: Suite) -> None:
    missing = [p for p in suite.system if shutil.which(p) is None]
    if not missing or shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-yq", "--no-install-recommends", *missing]):
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(suite: Suite, extra: list[str], prefix: str = "") -> tuple[int, dict[str, int], float]:
    """(exit status, counts by outcome, seconds) of the suite's tests; prints their output as it comes."""
    start = time.monotonic()
    env = dict(os.environ)
    env.pop("PYTHONPATH", None)
    env |= {"PYTHONUNBUFFERED": "1", "S2R_STRICT": "1", **{k: expand(v) for k, v in suite.env.items()}}
    env["PATH"] = f"{suite.folder / 'bin'}{os.pathsep}{env['PATH']}"
    command = [str(suite.executable), "-m", "pytest", *map(expand, suite.pytest), *extra]
    say(f"{prefix}\n{prefix}=== {suite.name}: {' '.join(command[1:])}")
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )  # fmt: skip
    assert process.stdout is not None
    closing = ""
    for line in process.stdout:
        say(prefix + line.rstrip("\n"))
        if COUNT.search(line) and " in " in line:
            closing = line
    status = process.wait()
    counts: dict[str, int] = {}
    for number, outcome in COUNT.findall(closing):
        counts[outcome] = counts.get(outcome, 0) + int(number)
    return status, counts, time.monotonic() - start


def main() -> int:
    arguments, extra = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, extra = arguments[:at], arguments[at + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", help="suites to run; default: all")
    parser.add_argument("--list", action="store_true", help="list the suites and stop")
    jobs = min(2, os.cpu_count() or 1)
    parser.add_argument("--jobs", type=int, default=jobs, help=f"suites that run at the same time ({jobs} here)")
    parser.add_argument("--fresh", action="store_true", help="build environments anew")
    options = parser.parse_args(arguments)

    suites = load_suites()
    if options.list:
        for suite in suites:
            print(f"{suite.name:18} {suite.source.relative_to(ROOT)}   pytest {' '.join(suite.pytest)}")
        return 0
    known = {suite.name for suite in suites}
    if unknown := set(options.suites) - known:
        raise SystemExit(f"no suite {sorted(unknown)}; there are {sorted(known)}")
    chosen = [s for s in suites if (s.name in options.suites if options.suites else not s.only_named)]
    if options.jobs < 1:
        raise SystemExit(f"--jobs is {options.jobs}; expected 1 or more")
    lines, start = [], time.monotonic()
    for suite in [s for s in chosen if interpreter(s) is None]:
        chosen.remove(suite)
        lines.append(f"{suite.name:18} left out: no Python {suite.python} on this machine")
    ENVS.mkdir(exist_ok=True)
    say(f"{free_gb():.0f} GB of disk free for the environments in {ENVS}")
    if options.fresh:
        for suite in chosen:
            shutil.rmtree(suite.folder, ignore_errors=True)

    jobs = min(options.jobs, len(chosen))
    with ThreadPoolExecutor(1) as builder, ThreadPoolExecutor(max(jobs, 1)) as runner:
        builds = {s.name: builder.submit(build, s) for s in chosen}
        results = [
            runner.submit(outcome, s, builds[s.name], extra, f"{s.name:14} | " if jobs > 1 else "") for s in chosen
        ]
        outcomes = [result.result() for result in results]
    lines += [line for line, _ in outcomes]
    total = {name: sum(counts.get(name, 0) for _, counts in outcomes) for name in ("passed", "failed", "skipped")}
    say("\n" + "\n".join([*lines, f"{(time.monotonic() - start) / 60:.1f} minutes"]))
    say(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] else 0


def outcome(suite: Suite, built: Future[float], extra: list[str], prefix: str) -> tuple[str, dict[str, int]]:
    """(a line of the summary, counts of passed, failed and skipped) of one suite, once its environment stands."""
    try:
        seconds_built = built.result()
        status, counts, seconds = run(suite, extra, prefix)
    except Exception as error:  # whatever it was, the other suites still run and the summary is still printed
        say(
            f"{prefix}suite {suite.name} did not run ({free_gb():.1f} GB of disk free): {type(error).__name__}: {error}"
        )
        seconds_built, status, counts, seconds = 0.0, 1, {"failed": 1}, 0.0
    if free_gb() < SCARCE:
        say(f"{prefix}{free_gb():.1f} GB of disk free: the environment of {suite.name} goes, to make room for the next")
        shutil.rmtree(suite.folder, ignore_errors=True)
    failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    if status and not failed:
        failed = 1  # pytest stopped for another reason: no tests, a crash, an internal error
    passed, skipped = counts.get("passed", 0), counts.get("skipped", 0)
    line = (
        f"{suite.name:18} {'ok' if status == 0 else 'FAILED':7} {passed:5} passed {failed:3} failed {skipped:3} skipped   "
        f"environment {seconds_built:5.0f} s, tests {seconds:5.0f} s"
    )
    return line, {"passed": passed, "failed": failed, "skipped": skipped}


if __name__ == "__main__":
    sys.exit(main())
