#!/bin/sh
# Numbers, then speed, on one GPU within ten minutes: sh run.sh [FOLDER]. Everything goes into FOLDER, `out` by
# default, as it is measured: what a killed run had measured is there.
#
# IDIOLECT_DEVICE   cuda (the default), wgpu or flex
# IDIOLECT_SECONDS  time for everything, 570 by default; cases that no longer fit are named in skipped.txt
# IDIOLECT_PARITY_SECONDS  time of it for parity, 150 by default; 0 leaves parity out
# IDIOLECT_CASES    the cases, as SHAPE:CASE or SHAPE:peft:CASE, most valuable first
# PYTHON            a Python with torch, transformers and peft for the peft cases, python3 by default
# IDIOLECT_PEAK_TFLOPS  bf16 dense peak of a GPU that the program does not know
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-out}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$out" || exit 1
export IDIOLECT_DEVICE="${IDIOLECT_DEVICE:-cuda}" IDIOLECT_ROOT="$here" IDIOLECT_SHARED="$here/shared" IDIOLECT_REQUIRE_SHARED=1
# Kernels take exponentials and logarithms from a file of the CUDA toolkit, which lies beside this script.
export CUDA_PATH="${CUDA_PATH:-$here}"
PYTHON=${PYTHON:-python3}
end=$(($(date +%s) + ${IDIOLECT_SECONDS:-570}))
b=llama2-7b
cases=${IDIOLECT_CASES:-$b:step_qv_blocks $b:peft:step_qv_blocks $b:step_qv_whole $b:peft:step_qv_whole $b:generate_1 \
    $b:peft:generate_1 $b:generate_32 $b:peft:generate_32 $b:step_all_blocks $b:peft:step_all_blocks $b:attention \
    $b:load small:steady $b:step_all_whole $b:peft:step_all_whole $b:generate_8 $b:peft:generate_8 \
    llama3-8b:step_qv_blocks llama3-8b:peft:step_qv_blocks}
nvidia-smi > nvidia-smi.txt 2>&1
failed=0

left() { echo $((end - $(date +%s))); }

parity=${IDIOLECT_PARITY_SECONDS:-150}
if [ "$parity" -gt 0 ]; then
    echo "== the gradient check of the device, then parity, on $IDIOLECT_DEVICE"
    timeout "$parity" "$here/parity" --test-threads 1 trust half_types > probe.txt 2>&1 || failed=1
    tail -n 4 probe.txt
    timeout "$parity" "$here/parity" --test-threads 1 --skip speed:: --skip trust --skip half_types > parity.txt 2>&1 || failed=1
    tail -n 4 parity.txt
    echo "parity ended with $(left) s left"
fi

# Each case has a process of its own, so that the peak of memory is that case's.
for entry in $cases; do
    shape=${entry%%:*} case=${entry##*:} seconds=$(left)
    if [ "$seconds" -lt 20 ]; then
        echo "$entry" >> skipped.txt
        continue
    fi
    [ "$seconds" -gt 100 ] && seconds=100
    began=$(date +%s)
    case $entry in
    *:peft:*)
        timeout "$seconds" "$PYTHON" "$here/gpu_speed.py" "$shape" "$case" > case.txt 2>> peft.txt || failed=1
        rows=peft.jsonl ;;
    *)
        IDIOLECT_SPEED=$shape timeout "$seconds" "$here/parity" --test-threads 1 --nocapture --exact "speed::$case" > case.txt 2>&1 || failed=1
        rows=speed.jsonl ;;
    esac
    echo "== $entry, $(($(date +%s) - began)) s"
    cat case.txt >> speed.txt
    grep '^{' case.txt | tee -a $rows || tail -n 5 case.txt
done
exit $failed
