#!/bin/sh
# Installs the report generator that tools/allure/package-lock.json pins, with the node of the virtual environment.
# May be run again at any time: it does nothing if what is installed matches the lock file.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${HITLESS_VENV:-$here/../.venv}
cd "$here/allure"

stamp=node_modules/.installed-from
wanted=$(cat package.json package-lock.json | cksum)
if [ -f node_modules/allure/cli.js ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
if [ ! -x "$venv/bin/npm" ]; then
    echo "install-allure: $venv/bin/npm is missing; run 'make setup', which makes the virtual environment" >&2
    exit 1
fi

# node brings its own list of certificate authorities; what the machine trusts (a company's proxy) must count as well.
export NODE_USE_SYSTEM_CA=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "$venv/bin/npm" ci --no-audit --no-fund --no-update-notifier --loglevel=error --ignore-scripts >"$log" 2>&1; then
    cat "$log" >&2
    echo "install-allure: the report generator could not be installed from the npm registry (see above)." >&2
    echo "install-allure: the suite works without it; only reports/report.html will be missing." >&2
    exit 1
fi
printf '%s\n' "$wanted" >"$stamp"
