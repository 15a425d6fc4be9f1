#!/bin/sh
# The browser that one test drives: Debian's chromium, installed when we are root and it is missing.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; then
    exit 0
fi
echo "There is no chromium; the test of the page /docs will fail. Install it (Debian: apt-get install chromium)." >&2
