#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image. It needs Ubuntu's packages and PyPI, nothing else.
set -euo pipefail
cd "$(dirname "$0")"
chmod -R go= .  # tests and answers lie here: for root only

find_python() {
  for name in python3.14 python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$name
      return 0
    fi
  done
  return 1
}

install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }

if ! find_python; then
  apt-get update
  install python3-venv
  find_python || install python3.11 python3.11-venv  # Ubuntu 22.04 has an older one as python3
  find_python || { echo "There is no Python 3.11 or newer: choose Ubuntu 22.04 or newer as the base image."; exit 1; }
fi
"$python" -m venv /opt/autograder
pip="/opt/autograder/bin/python -m pip --disable-pip-version-check --no-cache-dir install --quiet"
$pip --require-hashes -r requirements.lock
$pip --no-deps --no-index autograder_coursework-*.whl
[ ! -s packages.txt ] || $pip -r packages.txt  # what the course's own notebooks import
/opt/autograder/bin/autograder doctor || echo "The sandbox is not all that it could be: see above, and docs/security.md."
