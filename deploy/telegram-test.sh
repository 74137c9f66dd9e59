#!/usr/bin/env bash
# Has the Telegram channel talk to a Bot API that somebody else has written:
# the emulator telegram-test-api from npm, with the additions of
# pkg/notifier/telegram/testdata/emulator.js, on a loopback port that was free.
# It needs Node.js, npm and the network (or npm's cache). What it cannot run it
# says in one sentence, and succeeds, unless WATCHERD_TELEGRAM_TEST=must. It
# takes half a minute, and three at the very most.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

skip() {
  echo "telegram-test: skipped: $*" >&2
  [ "${WATCHERD_TELEGRAM_TEST:-}" != must ] || exit 1
  exit 0
}
for c in node npm go; do
  command -v "$c" >/dev/null || skip "$c is not installed"
done
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 14 ? 0 : 1)' 2>/dev/null || skip "the emulator wants Node.js 14 or newer, and this is $(node --version 2>/dev/null || echo a broken one)"

place=$(mktemp -d)
emulator=
stop() {
  status=$?
  trap - EXIT INT TERM HUP
  if [ -n "$emulator" ]; then
    kill -9 "$emulator" 2>/dev/null || true
    wait "$emulator" 2>/dev/null || true
  fi
  rm -rf "$place"
  exit $status
}
trap stop EXIT
trap 'exit 1' INT TERM HUP

echo '{"private": true, "dependencies": {"telegram-test-api": "4.2.1", "multer": "1.4.4"}}' >"$place/package.json"
(cd "$place" && timeout 90 npm install --prefer-offline --no-audit --no-fund --ignore-scripts --fetch-retries=1 --fetch-timeout=30000 >npm.log 2>&1) || {
  tail -n 5 "$place/npm.log" >&2
  skip 'npm cannot install the emulator'
}
cp pkg/notifier/telegram/testdata/emulator.js "$place/"
go test -c -o "$place/telegram.test" ./pkg/notifier/telegram # not on the clock of the test

for ((port = 20000 + RANDOM % 8000; ; port++)); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
cd "$place"
PORT=$port node emulator.js >emulator.log 2>&1 &
emulator=$!
for ((i = 0; i < 200; i++)); do
  ! grep -q ready emulator.log || break
  kill -0 "$emulator" 2>/dev/null || break
  sleep 0.1
done
grep -q ready emulator.log || {
  cat emulator.log >&2
  echo 'telegram-test: the emulator does not start' >&2
  exit 1
}

cd "$OLDPWD/pkg/notifier/telegram"
WATCHERD_TELEGRAM_TEST=http://127.0.0.1:$port timeout 70 "$place/telegram.test" -test.timeout 60s -test.run '^TestEmulator$' -test.v
