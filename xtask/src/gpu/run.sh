#!/bin/sh
# Numbers, then speed, on one GPU: sh run.sh [FOLDER]. What the programs say goes into FOLDER, `out` by default.
#
# IDIOLECT_DEVICE  cuda (the default), wgpu or flex
# IDIOLECT_SPEED   shapes to time, "small llama2-7b llama3-8b" by default; "tiny" takes seconds anywhere
# PYTHON           a Python with torch, transformers and peft; then the same cases run there too
# IDIOLECT_PEAK_TFLOPS  bf16 dense peak of a GPU that the program does not know
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-out}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$out" || exit 1
export IDIOLECT_DEVICE="${IDIOLECT_DEVICE:-cuda}" IDIOLECT_ROOT="$here" IDIOLECT_SHARED="$here/shared" IDIOLECT_REQUIRE_SHARED=1
shapes=${IDIOLECT_SPEED:-small llama2-7b llama3-8b}
nvidia-smi > nvidia-smi.txt 2>&1
failed=0

echo "== parity on $IDIOLECT_DEVICE"
"$here/parity" --test-threads 1 --skip speed:: > parity.txt 2>&1 || failed=1
tail -n 4 parity.txt

# Each case has a process of its own, so that the peak of memory is that case's.
: > speed.jsonl
cases() {
    for shape in $shapes; do
        for case in "$@"; do
            echo "== $shape, $case"
            IDIOLECT_SPEED=$shape "$here/parity" --test-threads 1 --nocapture --exact "speed::$case" > case.txt 2>&1 || {
                failed=1
                tail -n 3 case.txt
            }
            cat case.txt >> speed.txt
            grep '^{' case.txt | tee -a speed.jsonl
        done
    done
}
cases step_qv_blocks step_qv_whole step_all_blocks step_all_whole generate_1 generate_8 generate_32 attention steady load
# The same once more without fused kernels: nothing is explored, so everything runs as it comes.
export BURN_FUSION_MAX_EXPLORATIONS=0
cases step_qv_blocks generate_8
unset BURN_FUSION_MAX_EXPLORATIONS

if [ -n "${PYTHON:-}" ]; then
    for shape in $shapes; do
        "$PYTHON" "$here/gpu_speed.py" "$shape" 2>> peft.txt | tee -a peft.jsonl || failed=1
    done
fi
exit $failed
