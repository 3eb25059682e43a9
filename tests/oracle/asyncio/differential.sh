#!/usr/bin/env bash
# Fresh random programs under real asyncio, in virtual time, and under `tailback conform`: see docs/conform.md and
# differential.py --help.
#
#   tests/oracle/asyncio/differential.sh [--python VERSION] [--uvloop] [--seed S] [--count N] [...] [OUTDIR]
#
# The reference is the Python that is asked for, 3.13 if there is one, else whichever `python3` is; its own asyncio is all that
# is needed.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"

python="$(command -v python3.13 || command -v python3)"
args=()
while [[ $# -gt 0 ]]; do
    case "$1" in
        --python) python="$(command -v "python$2")" || { echo "skipped: there is no Python $2 here"; exit 0; }; shift ;;
        *) args+=("$1") ;;
    esac
    shift
done

# The last argument is a folder if there is a slash in it.
out=""
if [[ ${#args[@]} -gt 0 && "${args[-1]}" == */* ]]; then
    out="${args[-1]}"
    unset 'args[-1]'
fi
if [[ -z "$out" ]]; then
    mkdir -p "$target/oracle-runs"
    out="$(mktemp -d "$target/oracle-runs/asyncio-XXXXXX")"
fi
(cd "$root" && cargo build --release --quiet --bin tailback)
"$python" "$here/differential.py" --tailback "$target/release/tailback" "${args[@]}" "$out" || {
    status=$?
    echo "programs, traces and differences: $out"
    exit "$status"
}
