#!/usr/bin/env bash
# run.sh STAGE --model MODEL [TRL's options …]; with --check it only says what is wrong, no GPU taken.
exec "${PYTHON:-python}" -m s2r_trl.launch "$(cd "$(dirname "$0")" && pwd)" "$@"
