# MODE FOLDER FILES MEMORY PROCESSES SECONDS PYTHON PATH...
# In a mount namespace of its own: makes a root of the paths alone, all of it read-only, and one small folder to write
# in; then becomes the driver there, without any right and under its limits.
set -e
mode=$1 folder=$2 files=$3 memory=$4 processes=$5 seconds=$6 python=$7
shift 7
root=$folder/root
mount -t tmpfs -o "size=1m,mode=755,nosuid,nodev" none "$root"

# A path of the system at the same place below the new root.
give() {
    if [ -d "$1" ]; then
        mkdir -p "$root$2"
        mount --rbind "$1" "$root$2"
    elif [ -e "$1" ]; then
        mkdir -p "$root${2%/*}"
        [ -e "$root$2" ] || : >"$root$2"
        mount --bind "$1" "$root$2"
    fi
}
for path in "$@"; do
    give "$path" "$path"
done
give "$folder/box" /box
for tool in setpriv prlimit; do
    give "$(command -v $tool)" /box/tools/$tool
done

# What was mounted inside of a path too; the pattern is the root itself and all below it.
cut -d' ' -f5 /proc/self/mountinfo | while read -r mount; do
    mount=$(printf '%b' "$mount")
    case $mount in
        "$root" | "$root"/*) mount -o remount,bind,ro "$mount" ;;
    esac
done
mount -t tmpfs -o "size=$files,nr_inodes=10000,mode=777,nosuid,nodev" none "$root/box/work"

# Below a chroot nobody makes another user namespace, in which he would have rights again.
cd "$root"
set -- env -i HOME=/box/work PATH=/usr/bin:/bin "$(command -v chroot)" . \
    /box/tools/setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs \
    /box/tools/prlimit --as="$memory" --nproc="$processes" --cpu="$seconds" --fsize="$files" --nofile=64 --core=0 \
    "$python" -I -S /box/driver.py
if [ "$mode" = nobody ]; then
    exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
        unshare --map-root-user --net --pid --ipc --uts --fork --kill-child "$@"
fi
exec "$@"
