# Sourced by scripts/demo, scripts/test and scripts/bench: makes the virtual environment that they share, adds what is
# missing, and says plainly what cannot be had. What is there is used as it is, without network (see _installed.py).
# Set PYTHON to choose an interpreter, RT_HANDDT_VENV to put the environment elsewhere.

say() { printf '%s\n' "$*" >&2; }
die() { say "Error: $*"; exit 2; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3 python; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    return 1
}

# prepare EXTRAS NEEDED_MIB: an environment ($venv) with the package and these extras, newly made or as it is.
prepare() {
    local extras=$1 needed=$2 found="" code=4
    venv=${RT_HANDDT_VENV:-$root/.venv}
    case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
    [ ! -d "$venv" ] || venv=$(cd "$venv" && pwd)
    if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
        extras="gpu,$extras" needed=$((needed + 2500)) # CUDA's libraries
    else
        extras="cpu,$extras"
    fi
    extras=${extras%,}
    if [ -x "$venv/bin/python" ]; then
        code=0
        found=$("$venv/bin/python" -I "$root/scripts/_installed.py" "$root" "$extras") || code=$?
        case $code in
            0) return 0 ;;
            3 | 4) extras=$(head -n 1 <<<"$found") found=$(tail -n 1 <<<"$found") ;;
            5) die "The environment $venv has $found; 3.11 or newer is needed. Delete it, or set RT_HANDDT_VENV to another folder." ;;
            *) die "The environment $venv could not be examined (see above); if it is broken, delete it, then run this again." ;;
        esac
    fi
    can_be_written
    [ "$code" = 3 ] || has_room "$needed"
    [ -x "$venv/bin/python" ] || make_environment
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 && ! "$venv/bin/python" -m ensurepip >/dev/null 2>&1; then
        die "The environment $venv has no pip to install what is missing. Delete it, or set RT_HANDDT_VENV to another folder."
    fi
    follow_move
    if [ "$code" = 3 ]; then
        install_checkout
    else
        install_packages "$extras" "$found"
    fi
}

# The nearest folder at or above $venv that exists.
existing() {
    local folder=$venv
    while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
    printf '%s' "$folder"
}

can_be_written() {
    [ -w "$(existing)" ] || die "Something is missing in $venv, which cannot be written. Set RT_HANDDT_VENV to a folder of your own."
}

has_room() {
    local free
    free=$(df -Pm "$(existing)" | awk 'NR == 2 { print $4 }')
    if [ "${free:-0}" -lt "$1" ]; then
        die "The environment needs about $1 MiB, but only ${free:-0} MiB are free beside $venv. Make room, or set RT_HANDDT_VENV."
    fi
}

make_environment() {
    local python clear=""
    python=$(find_python) || die "Python 3.11 or newer is needed; found $(python3 --version 2>&1 || echo none). Install it, or set PYTHON to its path."
    if [ -e "$venv/pyvenv.cfg" ]; then
        clear=--clear # half made, or its Python is gone
    elif [ -e "$venv" ] && [ -n "$(ls -A "$venv")" ]; then
        die "$venv must be a virtual environment, an empty folder or a new one; it holds something else. Set RT_HANDDT_VENV to another folder."
    fi
    say "Making a virtual environment with $("$python" --version) …"
    "$python" -m venv $clear "$venv" || die "python -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"
}

# A moved environment runs, but its bin/activate still leads to the old place: written again, offline.
follow_move() {
    [ -f "$venv/bin/activate" ] || return 0
    if ! sed -n 's/.*VIRTUAL_ENV=//p' "$venv/bin/activate" | tr -d "\"'" | grep -qxF "$venv"; then
        "$venv/bin/python" -m venv --without-pip "$venv" || die "The environment $venv was moved and does not work here. Delete it, then run this again."
    fi
}

# This checkout alone, because it was moved, or its commands changed, or the environment held another's.
install_checkout() {
    local isolated=""
    say "Installing this checkout into $venv …"
    # What builds is in the environments that we make, so that this needs no network.
    "$venv/bin/python" -c 'import editables, hatchling' 2>/dev/null && isolated=--no-build-isolation
    pip_install --no-deps $isolated -e "$root"
}

# install_packages EXTRAS MISSING
install_packages() {
    [ -z "$2" ] || say "Missing in $venv: $2"
    say "Installing rt-handdt[$1] (a minute or two, once) …"
    pip_install hatchling editables -e "$root[$1]"
}

pip_install() {
    local log=$venv/install.log
    if "$venv/bin/python" -m pip install --disable-pip-version-check -c "$root/scripts/constraints.txt" "$@" >"$log" 2>&1; then
        return 0
    fi
    tail -n 5 "$log" >&2
    if grep -qiE 'temporary failure|name resolution|connection|timed out|network is unreachable|max retries|from versions: none|resolutionimpossible' "$log"; then
        die "The package index cannot be reached (or does not have what is needed); connect this computer to the network once, then run this again (full log: $log)."
    fi
    if grep -qi 'no space left' "$log"; then
        die "The disk is full; make room and run this again (full log: $log)."
    fi
    die "Installation failed (full log: $log)."
}
