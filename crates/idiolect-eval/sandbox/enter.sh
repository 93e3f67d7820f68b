# MODE FOLDER FILES MEMORY PROCESSES SECONDS PYTHON PATH...
# In a mount namespace of its own: makes a root of the paths alone, all of it read-only, and one small folder to write
# in; then becomes the driver there, without any right and under its limits.
set -e
mode=$1 folder=$2 files=$3 memory=$4 processes=$5 seconds=$6 python=$7
shift 7
root=$folder/root
mount -t tmpfs -o "size=1m,mode=755,nosuid,nodev" none "$root"

# A path as a table of mounts has it, without blanks.
written() {
    case $1 in
        *[!!-[\]-~]*) printf '%s' "$1" | sed 's/\\/\\134/g; s/ /\\040/g; s/\t/\\011/g' ;;
        *) printf '%s' "$1" ;;
    esac
}

# The places of the paths in it, and all of them in one call: each is a program of its own to start.
set -- "$@" "$(command -v setpriv)" "$(command -v prlimit)"
folders=$root/box
table="$(written "$folder/box") $(written "$root/box") none rbind,ro 0 0"
for path in "$@"; do
    place=$root$path
    if [ -d "$path" ]; then
        folders="$folders
$place"
    else
        folders="$folders
${place%/*}"
    fi
    table="$table
$(written "$path") $(written "$place") none rbind,ro 0 0"
done
(IFS='
' && set -f && exec mkdir -p $folders)
for path in "$@"; do
    [ -e "$root$path" ] || : >"$root$path"
done
# Some flags of a mount may not be left out, which this call does not know: the next lines do.
printf '%s\n' "$table" >"$folder/table"
mount --fstab "$folder/table" -a || [ $? = 64 ]
mount -o remount,bind,ro "$root"

# What is not read-only yet, and what was mounted inside of a path; the pattern is all below the root.
while read -r _ _ _ _ mount flags _; do
    case $mount in
        *\\*) mount=$(printf '%b' "$mount") ;;
    esac
    case $mount in
        "$root"/*)
            case $flags in
                ro | ro,*) ;;
                *) mount -o remount,bind,ro "$mount" || exit 97 ;;
            esac
            ;;
    esac
done </proc/self/mountinfo
mount -t tmpfs -o "size=$files,nr_inodes=10000,mode=777,nosuid,nodev" none "$root/box/work"

# Below a chroot nobody makes another user namespace, in which he would have rights again.
cd "$root"
set -- env -i HOME=/box/work PATH=/usr/bin:/bin "$(command -v chroot)" . \
    "$(command -v setpriv)" --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs \
    "$(command -v prlimit)" --as="$memory" --nproc="$processes" --cpu="$seconds" --fsize="$files" --nofile=64 --core=0 \
    "$python" -I -S /box/driver.py
if [ "$mode" = nobody ]; then
    exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \
        unshare --map-root-user --net --pid --ipc --uts --fork --kill-child "$@"
fi
exec "$@"
