"""A Ray cluster of two nodes on this machine, started from an environment with nothing of the driver's in it.

As on a real cluster, where `ray start` ran before anyone thought of this training run: what a worker needs has to come
from the driver. Run as a program it holds the cluster until its standard input ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT = ("HOME", "LANG")


@contextmanager
def two_nodes(cpus: int = 8, gpus: int = 1) -> Iterator[str]:
    """Address of a cluster whose two nodes have so many CPUs and (so Ray believes) GPUs each."""
    bare = {name: os.environ[name] for name in KEPT if name in os.environ}
    bare |= {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, str(Path(__file__)), str(cpus), str(gpus)]
    # A folder of its own: in Ray's usual one it would leave its address to every `ray.init` on this machine.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            command,
            env={**bare, "RAY_TMPDIR": folder},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            found = (line.split()[1] for line in process.stdout if line.startswith("address "))
            address = next(found, None)
            assert address, f"no cluster: {command} ended with {process.wait()}"
            try:
                yield address
            finally:
                process.stdin.close()
                process.wait(60)


def hold(cpus: int, gpus: int) -> None:
    from ray.cluster_utils import Cluster

    node = {"num_cpus": cpus, "num_gpus": gpus, "object_store_memory": 200_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    print("address", cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    hold(*map(int, sys.argv[1:]))
