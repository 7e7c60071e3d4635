#!/usr/bin/env bash
# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
#
# Makes the example's virtual environment in the cache folder, unless it is there, and prints its python on the
# last line. PYTHON names the interpreter to use; else python3.11, python3.12 or python3, whichever fits first.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${INFERWATCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/inferwatch}
fingerprint=$(sha256sum "$here/requirements.txt" | cut -c1-16)
environment=$cache/python-$fingerprint

fail() {
  echo "setup.sh: $*" >&2
  exit 1
}

fits() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3.12 python3}; do
    if fits "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  fail "needs Python 3.11 or 3.12, found neither as ${PYTHON:-python3.11, python3.12 or python3}." \
    "On Debian 12: sudo apt-get install python3 python3-venv; elsewhere set PYTHON=/path/to/python3.11."
}

install() {
  local python
  python=$(find_python)
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv with pip. On Debian: sudo apt-get install python3-venv"
  echo "setup.sh: installing into $environment" >&2
  "$python" -m venv --clear "$environment" >&2
  # Wheels only: nothing of a package is run or compiled while it is installed.
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    --requirement "$here/requirements.txt" >&2 ||
    fail "pip could not install $here/requirements.txt; its own message stands above"
  # Written last: an installation that was broken off has no such mark and is made anew.
  touch "$environment/.complete"
}

mkdir -p "$cache"
# Two that run at once must not install into the same folder.
exec 9>"$environment.lock"
flock 9
if [[ ! -e $environment/.complete ]] || ! fits "$environment/bin/python"; then
  install
fi
echo "$environment/bin/python"
