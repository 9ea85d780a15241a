#!/usr/bin/env bash
# run.sh STAGE --model MODEL [verl's overrides …]; with --check it only says what is wrong, no GPU taken.
exec "${PYTHON:-python}" -m s2r_verl.launch "$(cd "$(dirname "$0")" && pwd)" "$@"
