#!/bin/sh
# Checks everything in deploy/ without a cluster, a daemon or a running systemd: deploy/check.sh [--self-test]
# One line for each check, exit status 1 on any fault. With INFERWATCH_BIN set, the configurations that units and pods
# would start with are validated by that binary too.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${INFERWATCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/inferwatch}
venv=$cache/deploy-check-$(cksum <"$here/check/requirements.txt" | cut -d' ' -f1)

command -v python3 >/dev/null || { echo "FAULT  python3 is missing: apt-get install -y python3 python3-venv" >&2; exit 1; }
if [ ! -f "$venv/complete" ]; then
	echo "installing the checkers into $venv (about 200 MB, once)" >&2
	python3 -m venv --clear "$venv" || { echo "FAULT  no venv: apt-get install -y python3-venv" >&2; exit 1; }
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$here/check/requirements.txt"
	touch "$venv/complete"
fi
# -B: leaves no __pycache__ in the checkout.
exec "$venv/bin/python" -B "$here/check" "$@"
