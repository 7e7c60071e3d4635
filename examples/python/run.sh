#!/usr/bin/env bash
# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
#
# Starts the stand-in for a model server and the example API, and ends both with Ctrl-C. It sends and writes to where
# an inferwatch started by `make run` in this checkout listens and looks.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
python=$(./setup.sh | tail -n 1)
export LOG_DIR=${LOG_DIR:-${INFERWATCH_STORAGE:-$(cd ../.. && pwd)/.inferwatch}/apps}
port=${EXAMPLE_PORT:-8000}
model_port=${EXAMPLE_MODEL_PORT:-8001}

pids=()
stop() {
  trap - EXIT INT TERM
  kill "${pids[@]}" 2>/dev/null || true
  wait
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$python" -m app.model_server --port "$model_port" &
pids+=($!)
"$python" -m app --port "$port" --model-server "http://127.0.0.1:$model_port/v1" &
pids+=($!)

healthy() {
  "$python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=1)' "$1" 2>/dev/null
}
for url in "http://127.0.0.1:$model_port/healthz" "http://127.0.0.1:$port/healthz"; do
  until healthy "$url"; do
    # Whichever could not start has said why.
    for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null || exit 1; done
    sleep 0.2
  done
done

key=${EXAMPLE_API_KEYS:-demo-key}
cat <<END

Try it:
  curl -i http://127.0.0.1:$port/v1/chat -H 'Authorization: Bearer ${key%%,*}' -H 'Content-Type: application/json' \\
    -H 'X-Request-ID: my-first-request' -H 'X-User-ID: ada' -d '{"model": "demo-small", "message": "Hello"}'

END
wait -n
