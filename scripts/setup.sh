#!/bin/sh
# Create .venv with exactly the locked packages, and install the project into it in editable form.
# Works on a bare Debian 12: as root it installs the missing packages python3 and python3-venv, otherwise it names them.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v "$python" >/dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv >/dev/null
    else
        echo "Hallmarket needs Python 3.11 or newer; set PYTHON=/path/to/python3." >&2
        exit 1
    fi
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    else
        echo "Python's venv module is missing; install it first (Debian: apt-get install python3-venv)." >&2
        exit 1
    fi
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
if [ ! -x .venv/bin/uv ]; then
    # uv is in the lock like every other package, so pip installs that version and checks its hash.
    bootstrap=$(mktemp)
    trap 'rm -f "$bootstrap"' EXIT
    awk '/^uv==/ {on=1} on {print} on && !/\\$/ {exit}' requirements-dev.lock >"$bootstrap"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$bootstrap"
fi
export UV_LINK_MODE=copy
.venv/bin/uv pip sync --quiet --compile-bytecode --require-hashes --python .venv/bin/python requirements-dev.lock
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python --editable .
# Compile now, because Python may be configured not to write compiled files, and each start would compile again.
.venv/bin/python -m compileall -q src
