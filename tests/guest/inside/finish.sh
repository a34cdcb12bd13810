# shellcheck shell=sh
# The part that uml-init and qemu-init have in common: completes the root on $R, with
# share HOST GUEST, which makes a directory of the host appear at a path of the guest.
# On the kernel's command line: GUEST_ROOT, GUEST_SYSTEMD, and HOST=GUEST:… in GUEST_READ
# and GUEST_WRITE.
mount -t proc proc "$R/proc"
mount -t sysfs sysfs "$R/sys"
mount -t devtmpfs dev "$R/dev"
mkdir -p "$R/dev/pts" "$R/dev/shm" "$R/dev/mqueue"
mount -t devpts -o mode=620,gid=5,ptmxmode=666 devpts "$R/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$R/dev/shm"
mount -t mqueue mqueue "$R/dev/mqueue"
mount -t tmpfs -o mode=755 tmpfs "$R/run"
mount -t tmpfs -o mode=1777,size=50% tmpfs "$R/tmp"
[ ! -d /sys/kernel/security ] || mount -t securityfs securityfs "$R/sys/kernel/security" 2>/dev/null
ln -sfn /proc/self/fd "$R/dev/fd"
ln -sfn fd/0 "$R/dev/stdin"
ln -sfn fd/1 "$R/dev/stdout"
ln -sfn fd/2 "$R/dev/stderr"
# To open one of these loads its module; udev would have made them so.
mkdir -p "$R/dev/net"
[ -e "$R/dev/net/tun" ] || mknod "$R/dev/net/tun" c 10 200
[ -e "$R/dev/fuse" ] || mknod "$R/dev/fuse" c 10 229
[ -e "$R/dev/loop-control" ] || mknod "$R/dev/loop-control" c 10 237
chmod 0666 "$R/dev/net/tun" "$R/dev/fuse"
IFS=:
# shellcheck disable=SC2153 # the kernel gives its unknown arguments to pid 1
for d in $GUEST_WRITE; do share "${d%%=*}" "${d#*=}"; done
# shellcheck disable=SC2153
for d in $GUEST_READ; do share "${d%%=*}" "${d#*=}" && mount -o remount,ro,bind "$R${d#*=}"; done
unset IFS
# Podman, rootless too, wants storage that is no overlay itself.
mkdir -p "$R/var/lib/containers" "$R/var/tmp" "$R/home/user/.local"
mount -t tmpfs -o mode=755,size=50% tmpfs "$R/var/lib/containers"
mount -t tmpfs -o mode=1777,size=50% tmpfs "$R/var/tmp"
mount -t tmpfs -o mode=700,uid=1000,gid=1000,size=50% tmpfs "$R/home/user/.local"
chown 1000:1000 "$R/home/user"
echo guest >/proc/sys/kernel/hostname
ifconfig lo 127.0.0.1 up 2>/dev/null || ip link set lo up
