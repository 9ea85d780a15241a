#!/usr/bin/env bash
# From a base model to training data, and from the trained model to results, with real vLLM.
# Every stage can be killed: run the script again and it goes on where it stopped.
#
#   OUT=runs/mine MODEL=Qwen/Qwen2.5-Math-7B DATA="--source math" BENCH="-b math500" ./run.sh
#
# A server that runs already is used instead of starting one: BASE_URL, SFT_URL (…/v1).
set -euo pipefail

OUT=${OUT:?folder of this run}
MODEL=${MODEL:?base model: hub name or folder}
DATA=${DATA:---source math}                     # arguments of `s2r data problems`
BENCH=${BENCH:--b math500}                      # arguments of `s2r eval`
SAMPLES=${SAMPLES:-5}                           # K of the paper
ROLLOUTS=${ROLLOUTS:-8}                         # rollouts per prompt of the SFT model
BAND=${BAND:-0.1 0.7}
SYSTEM=${SYSTEM-"Please reason step by step, and put your final answer within \\boxed{}."}
SFT=${SFT:-"$(dirname "$0")/sft_openrlhf.sh"}   # called as: SFT data.jsonl model-out base-model
VLLM_ARGS=${VLLM_ARGS:-}
SAMPLE_ARGS=${SAMPLE_ARGS:-}                    # e.g. --max-tokens 2048 --concurrency 64
S2R=${S2R:-s2r}

mkdir -p "$OUT"
if [ -n "${BASE_URL:-}" ]; then base=(--url "$BASE_URL"); else base=(--launch-vllm --vllm-args="$VLLM_ARGS"); fi
if [ -n "${SFT_URL:-}" ]; then sft=(--url "$SFT_URL"); else sft=(--launch-vllm --vllm-args="$VLLM_ARGS"); fi

# 1. problems: one schema, golden answers tested, duplicates and leaks dropped
# shellcheck disable=SC2086  # DATA, BENCH, BAND and SAMPLE_ARGS are lists of words
$S2R data problems $DATA -o "$OUT/problems.jsonl"

# 2. K samples a problem, and verifications of them in both styles
$S2R data sample "$OUT/problems.jsonl" -o "$OUT/samples.jsonl" -k "$SAMPLES" --system "$SYSTEM" \
    --model "$MODEL" "${base[@]}" $SAMPLE_ARGS
$S2R data verify "$OUT/samples.jsonl" -o "$OUT/verified.jsonl" --style both \
    --model "$MODEL" "${base[@]}" $SAMPLE_ARGS

# 3. behaviour initialisation: data, then SFT (verl's parquet is written as well)
$S2R data init "$OUT/verified.jsonl" -o "$OUT/sft.jsonl" --style "${STYLE:-confirmative}" --system "$SYSTEM" \
    --openrlhf "$OUT/sft.openrlhf.jsonl" --verl "$OUT/sft.verl.parquet"
if [ ! -e "$OUT/sft.done" ]; then
    rm -rf "$OUT/sft"
    "$SFT" "$OUT/sft.openrlhf.jsonl" "$OUT/sft" "$MODEL"
    touch "$OUT/sft.done"
fi

# 4. rollouts of the SFT model: RL prompts by accuracy, and offline RL data with advantages
$S2R data sample "$OUT/problems.jsonl" -o "$OUT/rollouts.jsonl" -k "$ROLLOUTS" --temperature 0.8 \
    --system "$SYSTEM" --model "$OUT/sft" "${sft[@]}" $SAMPLE_ARGS
$S2R data rl "$OUT/problems.jsonl" --rollouts "$OUT/rollouts.jsonl" -o "$OUT/rl.jsonl" --band $BAND \
    --system "$SYSTEM" --verl "$OUT/rl.verl.parquet" --openrlhf "$OUT/rl.openrlhf.jsonl"
$S2R data offline "$OUT/rollouts.jsonl" -o "$OUT/offline.jsonl" --band $BAND \
    --system "$SYSTEM" --verl "$OUT/offline.verl.parquet" --openrlhf "$OUT/offline.openrlhf.jsonl"

# 5. evaluation of the SFT model
$S2R eval -o "$OUT/eval" $BENCH --system "$SYSTEM" --model "$OUT/sft" "${sft[@]}" $SAMPLE_ARGS
