#!/usr/bin/env bash
# Everything that make needs, on Debian 12 or Ubuntu 24.04: system packages, .venv with the locked dependencies,
# the report generator. Does only what is missing; when nothing is, it is done in well under a second.
#
#   PYTHON=/path/to/python3    the interpreter to use (3.11 to 3.13); default: the first suitable one found
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH # an empty environment has none, bash then uses one of its own and tells nobody

readonly VENV=.venv
readonly STAMP=$VENV/.locked-dependencies
readonly SYSTEM_PATH=$PATH:/usr/sbin:/sbin

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# --- what is there -------------------------------------------------------------------------------------------------

suitable_python() { # a shim of a version manager may exist and still fail: only running it tells
    [ "$("$1" -c 'import sys; print((3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null)" = True ]
}

has_venv() { "$1" -c 'import venv, ensurepip' >/dev/null 2>&1; }

find_python() {
    local candidate fallback=""
    if [ -n "${PYTHON:-}" ]; then
        suitable_python "$PYTHON" || fail "PYTHON=$PYTHON does not run or is not Python 3.11, 3.12 or 3.13"
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.11 python3.12 python3.13 \
        /usr/bin/python3 /usr/bin/python3.11 /usr/bin/python3.12 /usr/bin/python3.13; do
        suitable_python "$candidate" || continue
        if has_venv "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
        fallback=${fallback:-$candidate}
    done
    printf '%s\n' "$fallback"
}

has_program() { PATH=$SYSTEM_PATH command -v "$1" >/dev/null 2>&1; }

has_libpcap() {
    local folder name
    for folder in /lib /usr/lib /usr/local/lib /lib64 /usr/lib64 /lib/*-linux-gnu /usr/lib/*-linux-gnu; do
        for name in libpcap.so.0.8 libpcap.so.1; do
            [ -e "$folder/$name" ] && return 0
        done
    done
    return 1
}

# --- system packages -----------------------------------------------------------------------------------------------

libpcap_package() { # the name changed with the 64-bit time_t transition (Ubuntu 24.04)
    if apt-cache show libpcap0.8t64 >/dev/null 2>&1; then echo libpcap0.8t64; else echo libpcap0.8; fi
}

missing_packages() {
    local missing=() python
    if ! virtual_environment_is_current; then
        python=$(find_python)
        if [ -z "$python" ]; then
            missing+=(python3 python3-venv)
        elif ! has_venv "$python"; then
            missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
        fi
    fi
    has_program unshare || missing+=(util-linux)
    has_program nft || missing+=(nftables)
    has_program redis-server || missing+=(redis-server)
    has_libpcap || missing+=("$(libpcap_package)")
    printf '%s\n' "${missing[*]:-}"
}

install_packages() { # $1: names, separated by blanks
    local become=() packages
    read -r -a packages <<<"$1"
    command -v apt-get >/dev/null 2>&1 ||
        fail "missing: $1. This system has no apt-get: install what corresponds to these Debian packages and try again."
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true >/dev/null 2>&1; then
            say "missing system packages: $1. They need root; run this and try again:"
            say "    sudo apt-get update && sudo apt-get install --yes --no-install-recommends $1"
            exit 1
        fi
        become=(sudo -n)
    fi
    say "installing system packages: $1"
    "${become[@]}" apt-get update -qq || say "apt-get update failed; trying with the package lists at hand"
    # RUNLEVEL: a service that comes with a package is not started where that can be helped; the lab starts its own.
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install --yes -qq --no-install-recommends "${packages[@]}" >&2 ||
        fail "apt-get could not install: $1. Install them by hand and try again."
}

# --- virtual environment -------------------------------------------------------------------------------------------

locked_state() { # $1: interpreter. Changes when that, the locks, our own metadata or our place change.
    { pwd; "$1" -c 'import sys; print(sys.version)'; cat requirements/*.txt pyproject.toml; } | sha256sum
}

virtual_environment_works() { # a copied or half made one, or one whose interpreter is gone, does not
    suitable_python "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1
}

virtual_environment_is_current() {
    local python=${PYTHON:-$VENV/bin/python}
    [ -r "$STAMP" ] && suitable_python "$VENV/bin/python" && suitable_python "$python" &&
        [ "$(locked_state "$python")" = "$(cat "$STAMP")" ]
}

update_virtual_environment() {
    if [ -n "${PYTHON:-}" ] || ! virtual_environment_works; then
        local python
        python=$(find_python)
        say "creating $VENV with $("$python" --version)"
        "$python" -m venv --clear "$VENV"
    fi
    say "installing the locked dependencies into $VENV (about a minute)"
    "$VENV/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt ||
        fail "the locked dependencies (requirements/dev.txt) could not be installed; see pip's message above"
    "$VENV/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e . ||
        fail "the project itself could not be installed; see pip's message above"
    locked_state "$VENV/bin/python" >"$STAMP"
}

main() {
    local missing
    missing=$(missing_packages)
    if [ -n "$missing" ]; then
        install_packages "$missing"
        missing=$(missing_packages)
        [ -z "$missing" ] || fail "still missing after apt-get: $missing"
    fi
    if ! virtual_environment_is_current; then
        update_virtual_environment
    fi
    if [ -x tools/install-allure.sh ]; then
        tools/install-allure.sh || say "going on without it"
    fi
}

main "$@"
