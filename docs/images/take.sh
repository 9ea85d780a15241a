#!/usr/bin/env bash
# Takes the pictures of the report anew:  docs/images/take.sh RUN/rollouts/prl.jsonl
# Needs s2r and Chromium (apt-get install -y chromium).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
s2r report "$1" -o "$work/report.html" --title "tiny recipe: process-level RL"
take() { # file, address in the page, height
  chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$work/profile" \
    --window-size="1280,$3" --virtual-time-budget=3000 --screenshot="$here/$1" "file://$work/report.html$2" 2>/dev/null
}
take report.png "" 920
take report-rollouts.png "#flag=wrong_to_right&level=4&r=${2:-41}" 1010
