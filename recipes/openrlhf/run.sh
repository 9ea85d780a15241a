#!/usr/bin/env bash
# run.sh STAGE --model MODEL [OpenRLHF's flags …]; with --check it only says what is wrong, no GPU taken.
exec "${PYTHON:-python}" -m s2r_openrlhf.launch "$(cd "$(dirname "$0")" && pwd)" "$@"
