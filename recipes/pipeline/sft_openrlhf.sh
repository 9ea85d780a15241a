#!/usr/bin/env bash
# SFT with OpenRLHF's stock trainer; wrong attempts are masked.   sft_openrlhf.sh DATA OUT MODEL
# The paper's settings; SFT_ARGS adds to them or overrides them (the last one counts).
set -euo pipefail
data=$1 out=$2 model=$3
mkdir -p "$out"
python -m s2r_openrlhf.sft prepare "$data" -o "$out.fitted.jsonl" --model "$model" --template "$out.jinja"
# shellcheck disable=SC2086  # both are lists of words
${LAUNCH:-deepspeed --module} openrlhf.cli.train_sft \
    --model.model_name_or_path "$model" --data.dataset "$out.fitted.jsonl" \
    --data.multiturn --data.input_key messages --data.apply_chat_template \
    --data.tokenizer_chat_template "$(cat "$out.jinja")" --data.max_len 8000 \
    --train.batch_size 32 --train.max_epochs 3 --adam.lr 5e-6 \
    --ckpt.output_dir "$out" --ckpt.path "$out.checkpoints" ${SFT_ARGS:-}
python -m s2r_openrlhf.sft restore "$out" --model "$model"
