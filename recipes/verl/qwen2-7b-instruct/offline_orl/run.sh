#!/usr/bin/env bash
# Arguments are verl overrides: run.sh trainer.n_gpus_per_node=4. `run.sh --check` composes and checks, no GPU taken.
exec "${PYTHON:-python}" -m s2r_verl.launch "$(cd "$(dirname "$0")" && pwd)" "$@"
