#!/usr/bin/env bash
# Arguments are OpenRLHF's flags: run.sh --train.num_episodes 2. `run.sh --check` prints and checks, no GPU taken.
exec "${PYTHON:-python}" -m s2r_openrlhf.launch "$(cd "$(dirname "$0")" && pwd)" "$@"
