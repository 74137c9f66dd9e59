#!/usr/bin/env bash
# Has the Telegram channel talk to a Bot API that somebody else has written:
# the emulator telegram-test-api from npm, with the additions of
# pkg/notifier/telegram/testdata/emulator.js. It needs Node.js, npm and the
# network (or npm's cache); without them it says so and succeeds, unless
# WATCHERD_TELEGRAM_TEST=must.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."

skip() {
  echo "telegram-test: skipped, $*" >&2
  [ "${WATCHERD_TELEGRAM_TEST:-}" != must ] || exit 1
  exit 0
}
command -v node >/dev/null || skip 'Node.js is not installed'
command -v npm >/dev/null || skip 'npm is not installed'

place=$(mktemp -d)
emulator=
trap '[ -z "$emulator" ] || kill "$emulator" 2>/dev/null; rm -rf "$place"' EXIT

echo '{"private": true, "dependencies": {"telegram-test-api": "4.2.1", "multer": "1.4.4"}}' >"$place/package.json"
(cd "$place" && timeout 180 npm install --no-audit --no-fund --ignore-scripts >npm.log 2>&1) || { tail -n 5 "$place/npm.log" >&2; skip 'npm cannot install the emulator'; }
cp pkg/notifier/telegram/testdata/emulator.js "$place/"

port=${PORT:-18443}
(cd "$place" && PORT=$port exec node emulator.js >emulator.log 2>&1) &
emulator=$!
for _ in $(seq 100); do
  ! grep -q ready "$place/emulator.log" 2>/dev/null || break
  kill -0 "$emulator" 2>/dev/null || break
  sleep 0.1
done
grep -q ready "$place/emulator.log" || { cat "$place/emulator.log" >&2; echo 'telegram-test: the emulator does not start' >&2; exit 1; }

WATCHERD_TELEGRAM_TEST=http://127.0.0.1:$port go test -count=1 -timeout 2m -run '^TestEmulator$' -v ./pkg/notifier/telegram
