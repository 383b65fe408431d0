# Sourced by scripts/demo and scripts/test: makes the virtual environment, once, and says plainly what is missing.
# Set PYTHON to choose an interpreter, RT_HANDDT_VENV to put the environment elsewhere.

say() { printf '%s\n' "$*" >&2; }
die() { say "Error: $*"; exit 2; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3 python; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    return 1
}

# prepare EXTRAS NEEDED_MIB: an environment with the package and these extras, newly made or as it is.
prepare() {
    local extras=$1 needed=$2 python stamp wanted free log
    venv=${RT_HANDDT_VENV:-$root/.venv}
    if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
        extras="gpu,$extras"
    else
        extras="cpu,$extras"
    fi
    extras=${extras%,}
    stamp=$venv/.rt_handdt-${extras//,/-}
    wanted=$(cat "$root/pyproject.toml" "$root/scripts/constraints.txt" | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return 0
    fi
    python=$(find_python) || die "Python 3.11 or newer is needed; found $(python3 --version 2>&1 || echo none). Install it, or set PYTHON to its path."
    free=$(df -Pm "$(dirname "$venv")" | awk 'NR == 2 { print $4 }')
    if [ "${free:-0}" -lt "$needed" ]; then
        die "The environment needs about $needed MiB, but only ${free:-0} MiB are free beside $venv. Make room, or set RT_HANDDT_VENV."
    fi
    if [ ! -x "$venv/bin/python" ]; then
        say "Making a virtual environment with $("$python" --version) …"
        "$python" -m venv "$venv" || die "python -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"
    fi
    say "Installing rt-handdt[$extras] (a minute or two, once) …"
    log=$venv/install.log
    if ! "$venv/bin/python" -m pip install --disable-pip-version-check -c "$root/scripts/constraints.txt" -e "$root[$extras]" >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        if grep -qiE 'temporary failure|name resolution|connection|timed out|network is unreachable|max retries|from versions: none' "$log"; then
            die "The package index cannot be reached (or does not have what is needed); connect this computer to the network once, then run this again (full log: $log)."
        fi
        if grep -qi 'no space left' "$log"; then
            die "The disk is full; make room and run this again (full log: $log)."
        fi
        die "Installation failed (full log: $log)."
    fi
    rm -f "$venv"/.rt_handdt-*
    printf '%s' "$wanted" >"$stamp"
}
