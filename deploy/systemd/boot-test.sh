#!/usr/bin/env bash
# Lives with the Debian package in a systemd that really booted: install, start,
# reload, crash, hang, stop, upgrade, remove, purge. The machine is an overlay of
# this one's files in namespaces of its own, with a network that is only
# loopback, and nothing of it is left. The daemon looks at a railsim in there.
#
# One line per check; exits 1 when one failed. Where such a machine cannot be
# had (no root, no namespaces, no systemd) it says so and exits 0.
set -euo pipefail

if [ "${1:-}" = --inside ]; then # the first process of the new namespaces
  box=$2 root=$2/root
  mount -t tmpfs tmpfs "$box"
  mkdir "$box/upper" "$box/work" "$root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$box/upper,workdir=$box/work" "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs tmpfs "$root/dev"
  for n in null zero full random urandom tty; do
    touch "$root/dev/$n"
    mount --bind "/dev/$n" "$root/dev/$n"
  done
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
  ln -s pts/ptmx "$root/dev/ptmx"
  mount -t tmpfs tmpfs "$root/dev/shm"
  mount -t tmpfs tmpfs "$root/run"
  mount -t tmpfs tmpfs "$root/tmp"
  mkdir "$root/box"
  hostname box
  : >"$root/etc/machine-id"
  rm -f "$root/usr/sbin/policy-rc.d" # a container's says that nothing may be started
  # Of what this machine runs, nothing is started in there.
  mkdir -p "$root/etc/systemd/system"
  find "$root"/etc/systemd/system -name '*.wants' -prune -exec rm -rf {} +
  for unit in systemd-networkd systemd-timesyncd systemd-udevd systemd-logind systemd-resolved \
    getty@tty1 console-getty systemd-modules-load systemd-sysctl systemd-remount-fs; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
  done
  for unit in dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  cd "$root"
  mkdir -p .old
  pivot_root . .old
  cd /
  umount -l /.old
  mount --make-rshared / # without it LoadCredential= gives an empty folder
  exec env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=multi-user.target
fi

me=$(realpath "$0")
cd "$(dirname "$me")/../.."

skip() { echo "boot-test: skipped: $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip 'it needs root, for the namespaces'
[ -x /lib/systemd/systemd ] || skip 'there is no systemd on this machine'
for c in unshare nsenter dpkg go git; do command -v "$c" >/dev/null || skip "$c is not installed"; done
dpkg-query -W ca-certificates >/dev/null 2>&1 || skip 'ca-certificates is not installed, and the package needs it'
! id watcherd >/dev/null 2>&1 || skip 'there is a user watcherd here: what the package does to it would not be seen'
unshare -m -p -f -u -i -n -C true 2>/dev/null || skip 'the kernel gives no namespaces here'
cgroups=/sys/fs/cgroup
[ -d $cgroups/unified ] && cgroups=$cgroups/unified
mkdir $cgroups/watcherd-boot.$$ 2>/dev/null || skip 'there is no cgroup2 to write to'

dir=$(mktemp -d /var/tmp/watcherd-boot.XXXXXX)
machine='' # the process that holds the namespaces
systemd='' # the first process in them
second=''  # the building of the package that is upgraded to
end() {
  status=$?
  [ -z "$second" ] || wait "$second" || true
  if [ -n "$machine" ]; then
    [ $status = 0 ] || [ -z "$systemd" ] || inside journalctl --no-pager -q -o short -u watcherd -n 60 >&2 || true
    kill -KILL "$machine" 2>/dev/null || true # unshare --kill-child takes systemd with it
    wait "$machine" 2>/dev/null || true
  fi
  rm -rf "$dir"
  for _ in $(seq 50); do # the kernel takes its time over the last process
    find $cgroups/watcherd-boot.$$ -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.1
  done
}
trap end EXIT

mkdir "$dir/box" "$dir/files"
(
  echo "$BASHPID" >$cgroups/watcherd-boot.$$/cgroup.procs
  exec unshare -m -p -f -u -i -n -C --kill-child --propagation private bash "$me" --inside "$dir/box" >"$dir/console" 2>&1
) &
machine=$!

# While it boots, what it is tested with is built.
build() { # build N: the package of version N
  VERSION=0~boot$1 deploy/deb/build "$dir/deb$1" "$(dpkg --print-architecture)" >"$dir/build$1.log" 2>&1 || { cat "$dir/build$1.log" >&2; exit 1; }
  mv "$dir/deb$1"/*.deb "$dir/files/$1.deb"
}
build 1
CGO_ENABLED=0 go build -o "$dir/files/railsim" ./pkg/twelve306/railsim/cmd/railsim
build 2 & # there is time until the upgrade
second=$!
day=$(TZ=Asia/Shanghai date -d '+5 days' +%F)
rule() { printf '  - {name: %s, date: %s, from: 广州南, to: 武汉, trains: [%s], action: notify}\n' "$1" "$day" "$2"; }
cat >"$dir/files/watch.yaml" <<END
language: en
twelve306:
  base_url: http://127.0.0.1:12306
  username: zhangsan
  password_file: \${CREDENTIALS_DIRECTORY}/secret_12306
  session: on_seats
  min_interval: 200ms
  budget: 0
  service_hours: "00:00-24:00"
schedule: "@every 1s"
notify:
  web: {}
rules:
$(rule home 'G1110')
END
{ cat "$dir/files/watch.yaml"; rule second 'G1112'; } >"$dir/files/two.yaml"
{ cat "$dir/files/watch.yaml"; rule third 'G1112' | sed 's/广州南/广洲南/'; } >"$dir/files/bad.yaml"
echo secret12306 >"$dir/files/12306"

inside() { nsenter -t "$systemd" -m -p -u -i -n -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
give() { tar -C "$dir/files" -c "$@" | inside tar -C /box -x --no-same-owner; }
sh() { inside sh -c "$1" </dev/null; }
soon() { # soon SECONDS 'condition': until it is true
  local end=$((SECONDS + $1))
  until sh "$2" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}
failed=0
check() { # check 'what' SECONDS 'condition'
  if soon "$2" "$3"; then
    echo "ok    $1"
  else
    echo "FAIL  $1"
    echo "      it is not so that $3" >&2
    failed=1
  fi
}
does() { # does 'what' 'command': one line unless it fails
  if sh "$2" >"$dir/out" 2>&1; then
    echo "ok    $1"
  else
    echo "FAIL  $1"
    sed 's/^/      /' "$dir/out" >&2
    failed=1
  fi
}
get() { inside systemctl show -P "$1" watcherd; }
status='watcherd status --json | tr -d " \n"'

for _ in $(seq 100); do
  systemd=$(pgrep -P "$machine" | head -n 1) || true
  [ -n "$systemd" ] && [ "$(cat "/proc/$systemd/comm" 2>/dev/null)" = systemd ] && break
  kill -0 "$machine" 2>/dev/null || break
  systemd=''
  sleep 0.1
done
if [ -z "$systemd" ]; then
  why=$(tail -n 1 "$dir/console")
  wait "$machine" || true
  machine=''
  skip "systemd does not boot in namespaces here: $why"
fi
soon 60 'systemctl is-system-running | grep -Eq "running|degraded"' || { cat "$dir/console" >&2; skip 'systemd did not finish booting in a minute'; }
echo "      systemd $(inside systemctl --version | sed -n '1s/.*(\(.*\))/\1/p'), booted in ${SECONDS} s with the building"

give 1.deb railsim watch.yaml two.yaml bad.yaml 12306
does 'railsim is there' 'systemd-run -q --unit=railsim /box/railsim -calm -listen 127.0.0.1:12306 -admin 127.0.0.1:12307'

# Install.
does 'install' 'dpkg -i /box/1.deb'
check 'enabled, and not started without a watch.yaml' 0 '
  [ "$(systemctl is-enabled watcherd)" = enabled ] && [ "$(systemctl is-active watcherd)" = inactive ] && [ "$(systemctl show -P ConditionResult watcherd)" = no ]'
check 'the user has no shell and no password' 0 'getent passwd watcherd | grep -q ":/usr/sbin/nologin$" && getent shadow watcherd | grep -Eq "^watcherd:[!*]"'
check 'the configuration is for its group, the secrets are root'"'"'s' 0 '
  [ "$(stat -c "%a %U:%G" /etc/watcherd)" = "750 root:watcherd" ] && [ "$(stat -c "%a %U:%G" /etc/watcherd/secrets)" = "700 root:root" ]'
check 'manual pages, completions, the schema and the example are there' 0 '
  dpkg -L watcherd | grep -c -e /man1/watcherd.1.gz -e /man5/watch.yaml.5.gz -e bash-completion/completions/watcherd -e /_watcherd -e watcherd.fish -e watch.schema.json -e examples/watch.yaml | grep -qx 7'

# init writes for the service.
printf '%s\n' 广州南 武汉 "$day" all any 2 张三 zhangsan secret12306 '' 12 home >"$dir/files/answers"
give answers
does 'init, over a pipe' 'watcherd init --language en --base-url http://127.0.0.1:12306 --config /etc/watcherd/watch.yaml </box/answers >/box/said 2>&1 || { cat /box/said; false; }'
check 'its watch.yaml is for the group, its secret is root'"'"'s' 0 '
  [ "$(stat -c "%a %U:%G" /etc/watcherd/watch.yaml)" = "640 root:watcherd" ] && [ "$(stat -c "%a %U:%G" /etc/watcherd/secrets/12306)" = "600 root:root" ]'
does 'the commands that it says: start' 'eval "$(grep -x "  systemctl enable --now watcherd" /box/said)"'
check 'the service runs with the account' 20 "systemctl is-active -q watcherd && $status | grep -q '\"name\":\"home\",\"state\":\"looking\",\"last_look\":\"20'"
does 'the commands that it says: status' 'eval "$(grep -x "  watcherd status --config .*" /box/said)"'
does 'as if it had not been' 'systemctl stop watcherd; rm -r /etc/watcherd/watch.yaml /etc/watcherd/secrets/12306 /var/lib/watcherd'

# A file with mistakes.
does 'a watch.yaml with a mistake' 'install -m 0600 /box/12306 /etc/watcherd/secrets/12306; install -m 0640 -g watcherd /box/bad.yaml /etc/watcherd/watch.yaml; ! systemctl start watcherd'
check 'ends with 2, is not started again, and the journal says where' 5 '
  [ "$(systemctl show -P ExecMainStatus watcherd)" = 2 ] && [ "$(systemctl show -P NRestarts watcherd)" = 0 ] &&
  systemctl is-failed -q watcherd && journalctl -q -u watcherd -o cat | grep -q "watch.yaml:[0-9]*:[0-9]*: rules\[1\].from"'

# Start.
does 'start' 'install -m 0640 -g watcherd /box/watch.yaml /etc/watcherd/watch.yaml; systemctl start watcherd'
check 'ready: active, and systemd knows what it does' 0 '[ "$(systemctl is-active watcherd)" = active ] && systemctl show -P StatusText watcherd | grep -q "1 of 1 rules looking"'
check 'it looks' 20 "$status | grep -q '\"last_look\":\"20'"
check 'the next look stands in the status line' 20 'systemctl show -P StatusText watcherd | grep -q "next look [0-9:]*, not logged in"'
check 'it runs as watcherd, and its state is its own' 0 '
  [ "$(stat -c %U "/proc/$(systemctl show -P MainPID watcherd)")" = watcherd ] && [ "$(stat -c "%a %U" /var/lib/watcherd)" = "700 watcherd" ]'
does 'a member of the group watcherd' 'useradd -m ada && usermod -aG watcherd ada && useradd -m eve'
check 'asks for the status' 0 'runuser -u ada -- watcherd status | grep -q home'
check 'and nobody else does' 0 '! runuser -u eve -- watcherd status'
check 'systemd scores it 1.3 or better' 0 'systemd-analyze security --no-pager --threshold=13 watcherd.service'
check 'the journal has priorities and no look of its own for each look' 0 '
  journalctl -q -u watcherd -t watcherd -o export | grep -aqx "PRIORITY=6" && ! journalctl -q -u watcherd -o cat | grep -q "^<[0-9]>" &&
  [ "$(journalctl -q _PID="$(systemctl show -P MainPID watcherd)" -o cat | wc -l)" -lt 12 ]'

# Reload.
pid=$(get MainPID)
does 'reload with a second rule' 'install -m 0640 -g watcherd /box/two.yaml /etc/watcherd/watch.yaml; systemctl reload watcherd'
check 'both rules look, in the same process' 10 "[ \"\$(systemctl show -P MainPID watcherd)\" = $pid ] && $status | grep -q '\"name\":\"second\",\"state\":\"looking\",\"last_look\":\"20'"
does 'reload with a mistake' 'install -m 0640 -g watcherd /box/bad.yaml /etc/watcherd/watch.yaml; systemctl reload watcherd'
check 'changes nothing and is logged as a warning' 10 "
  journalctl -q -u watcherd -p warning -o cat | grep -q 'watch.yaml has mistakes' && [ \"\$(systemctl is-active watcherd)\" = active ] && $status | grep -q '\"name\":\"second\"'"
does 'pause second' 'install -m 0640 -g watcherd /box/two.yaml /etc/watcherd/watch.yaml; systemctl reload watcherd; watcherd pause second'

# Crash and hang.
pid=$(get MainPID)
does 'kill -9' "kill -9 $pid"
check 'it is started again, and what was paused is' 20 "
  [ \"\$(systemctl show -P NRestarts watcherd)\" = 1 ] && [ \"\$(systemctl is-active watcherd)\" = active ] && $status | grep -q '\"name\":\"second\",\"state\":\"paused\"'"
does 'with a watchdog of 4 s' 'mkdir -p /run/systemd/system/watcherd.service.d && printf "[Service]\nWatchdogSec=4s\nRestartSec=1s\n" >/run/systemd/system/watcherd.service.d/fast.conf && systemctl daemon-reload && systemctl restart watcherd'
sleep 6
check 'one that works is left alone' 0 '[ "$(systemctl is-active watcherd)" = active ] && [ "$(systemctl show -P NRestarts watcherd)" = 0 ]'
pid=$(get MainPID)
does 'kill -STOP' "kill -STOP $pid"
check 'the watchdog kills it, and it is started again' 40 "
  journalctl -q -u watcherd -o cat | grep -q 'Watchdog timeout' && [ \"\$(systemctl show -P MainPID watcherd)\" != $pid ] && [ \"\$(systemctl is-active watcherd)\" = active ] && $status"
check 'the journal holds where it stood' 5 'journalctl -q -u watcherd -o cat | grep -q "^SIGABRT: abort" && journalctl -q -u watcherd -o cat | grep -q "^goroutine "'

# Stop, upgrade.
does 'stop' 'systemctl stop watcherd'
check 'clean, and the socket is gone' 0 '[ "$(systemctl show -P Result watcherd)" = success ] && [ "$(systemctl show -P ExecMainStatus watcherd)" = 0 ] && [ ! -e /run/watcherd ] && ! watcherd status'
wait $second
give 2.deb
does 'start, and upgrade while it runs' 'rm -r /run/systemd/system/watcherd.service.d; systemctl daemon-reload; systemctl start watcherd; dpkg -i /box/2.deb'
check 'the new one runs, with the old state and configuration' 20 "
  $status | grep -q '\"version\":\"0~boot2\"' && $status | grep -q '\"name\":\"second\",\"state\":\"paused\"' && cmp -s /box/two.yaml /etc/watcherd/watch.yaml &&
  [ \"\$(stat -c '%a %U:%G' /etc/watcherd/watch.yaml)\" = '640 root:watcherd' ]"
does 'stop, and upgrade while it rests' 'systemctl disable -q --now watcherd; dpkg -i /box/2.deb'
check 'who disabled it is not overruled' 0 '[ "$(systemctl is-enabled watcherd)" = disabled ]'
does 'enable' 'systemctl enable -q --now watcherd'

# Remove, purge.
pid=$(get MainPID)
does 'remove' 'dpkg -r watcherd'
check 'it is stopped; configuration and state stay' 0 "[ ! -e /proc/$pid ] && [ ! -e /usr/bin/watcherd ] && [ -s /etc/watcherd/watch.yaml ] && [ -s /etc/watcherd/secrets/12306 ] && [ -d /var/lib/watcherd ]"
does 'purge' 'dpkg -P watcherd'
check 'both are gone, the user is not' 0 '[ ! -e /etc/watcherd ] && [ ! -e /var/lib/watcherd ] && id watcherd && ! find /etc/systemd -name "watcherd*" | grep -q .'
check 'no secret was logged' 0 '! journalctl -q -u watcherd | grep -q secret12306'

[ $failed = 0 ] || exit 1
echo "boot-test: all is well, after $SECONDS s"
