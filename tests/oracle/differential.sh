#!/usr/bin/env bash
# Fresh random programs under real gevent and under `tailback conform`: see docs/conform.md and differential.py --help.
#
#   tests/oracle/differential.sh [--seed S] [--count N] [--virtual | --real] [...] [OUTDIR]
#
# gevent is installed into a virtual environment below target/; where that cannot be done, nothing is tested and the exit
# status is 0.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"
# The version whose schedule the corpus pins.
gevent="gevent==26.9.0"
greenlet="greenlet==3.5.6"

mkdir -p "$target"
venv="$target/oracle-venv"
if ! "$venv/bin/python" -c 'import gevent; assert gevent.__version__ == "26.9.0"' 2>/dev/null; then
    install_gevent() {
        python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$gevent" "$greenlet"
    }
    if ! install_gevent >"$target/oracle-venv.log" 2>&1; then
        echo "skipped: $gevent cannot be installed here ($(tail -n 1 "$target/oracle-venv.log"))"
        exit 0
    fi
fi

# The last argument is a folder if there is a slash in it.
out=""
args=("$@")
if [[ ${#args[@]} -gt 0 && "${args[-1]}" == */* ]]; then
    out="${args[-1]}"
    unset 'args[-1]'
fi
if [[ -z "$out" ]]; then
    mkdir -p "$target/oracle-runs"
    out="$(mktemp -d "$target/oracle-runs/run-XXXXXX")"
fi
(cd "$root" && cargo build --release --quiet --bin tailback)
"$venv/bin/python" "$here/differential.py" --tailback "$target/release/tailback" "${args[@]}" "$out" || {
    status=$?
    echo "programs, traces and differences: $out"
    exit "$status"
}
