# In new namespaces: FOLDER PYTHON FILES MEMORY PROCESSES SECONDS.
set -e
folder=$1 python=$2
work=$folder/work
# Every mount read-only; those of the kernel's own trees may refuse and are none of the user's.
cut -d' ' -f5 /proc/self/mountinfo | while read -r mount; do
    mount=$(printf '%b' "$mount")
    case $mount in
        /proc* | /sys*) mount -o remount,bind,ro "$mount" 2>/dev/null || true ;;
        *) mount -o remount,bind,ro "$mount" || exit 97 ;;
    esac
done
mount -t tmpfs -o "size=$3,mode=700" none "$work"
mount -t proc proc /proc
cd "$work"
echo entered
exec prlimit --as="$4" --nproc="$5" --cpu="$6" --fsize="$3" --nofile=64 --core=0 \
    env -i HOME="$work" PATH=/usr/bin:/bin "$python" -I -S ../driver.py
