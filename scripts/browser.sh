#!/bin/sh
# Install chromium, which the test of the page /docs drives, if it is missing and we are root.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; then
    exit 0
fi
echo "chromium is not installed, so the test of the page /docs will fail. On Debian: apt-get install chromium." >&2
