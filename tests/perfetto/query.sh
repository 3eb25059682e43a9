#!/usr/bin/env bash
# Perfetto's own trace processor reads what `tailback trace` writes, and its answers are held against the file.
#
#   tests/perfetto/query.sh [SCENARIO [WORLD]]
#
# The `perfetto` package is installed into a virtual environment below target/, and fetches its trace processor once; where that
# cannot be done, nothing is tested and the exit status is 0.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"
scenario="${1:-$root/scenarios/pinterest/cpu-hog.toml}"
world="${2:-gevent}"
perfetto="perfetto==0.59.1"

mkdir -p "$target"
venv="$target/perfetto-venv"
if ! "$venv/bin/python" -c 'import perfetto' 2>/dev/null; then
    install_perfetto() {
        python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$perfetto"
    }
    if ! install_perfetto >"$target/perfetto-venv.log" 2>&1; then
        echo "skipped: $perfetto cannot be installed here ($(tail -n 1 "$target/perfetto-venv.log"))"
        exit 0
    fi
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
tailback="${TAILBACK:-$target/release/tailback}"
[[ -n "${TAILBACK:-}" ]] || (cd "$root" && cargo build --release --quiet --bin tailback)
"$tailback" trace "$scenario" --world "$world" --from 1s --to 3s --out "$work/trace.json"
"$venv/bin/python" "$here/query.py" "$work/trace.json"
