#!/usr/bin/env bash
# data.sh BASE_MODEL [further arguments of `s2r data sample` and `verify`]: the data of all stages, in data/.
# Started again, it goes on where it stopped. URL=http://…/v1 uses a server that runs already.
set -euo pipefail
model=${1:?base model: hub name or folder}
shift
if [ -n "${URL:-}" ]; then server=(--url "$URL"); else server=(--launch-vllm); fi
mkdir -p data

# 1. problems with tested golden answers; a part of them is held out
s2r data problems ${PROBLEMS:---source math} -o data/problems.jsonl
s2r data problems ${HELD_OUT:---source math --split test} -o data/held_out.jsonl --take 500

# 2. attempts and verifications by the model, and what SFT learns of them
s2r data sample data/problems.jsonl -o data/samples.jsonl -k 5 --model "$model" "${server[@]}" "$@"
s2r data verify data/samples.jsonl -o data/verified.jsonl --model "$model" "${server[@]}" "$@"
s2r data init data/verified.jsonl -o data/init.jsonl @SFT@

# 3. prompts of RL, and those of its evaluation
s2r data rl data/problems.jsonl -o data/rl_problems.jsonl @RL@
s2r data rl data/held_out.jsonl -o data/rl_val_problems.jsonl @VAL@
