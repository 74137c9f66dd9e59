# Each target calls something that can be called by itself. `make` lists them.
.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

export CGO_ENABLED ?= 0
DIST ?= dist

.PHONY: build build-all deb
build: ## watcherd for this machine, in the working folder
	go build -trimpath -ldflags "-s -w -X main.version=$$(deploy/version)" -o watcherd ./cmd/watcherd
build-all: ## static binaries for amd64, arm64, arm and riscv64, into dist/
	for arch in amd64 arm64 arm riscv64; do GOOS=linux GOARCH=$$arch go build -trimpath -ldflags "-s -w -X main.version=$$(deploy/version)" -o $(DIST)/watcherd-$$arch ./cmd/watcherd || exit; done
deb: ## the Debian packages for amd64 and arm64, into dist/
	deploy/deb/build $(DIST)

.PHONY: test race fuzz sim kills bench ci
test: ## every test, the long sweeps included
	go test -timeout 30m ./...
race: ## every test under the race detector, of the long sweeps a part; needs a C compiler
	CGO_ENABLED=1 go test -race -timeout 30m ./...
fuzz: ## every fuzz target, FUZZTIME=60s each
	grep -rHo '^func Fuzz[A-Za-z0-9]*' --include='*_test.go' . | sed 's/:func / /' | while read -r file target; do go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FUZZTIME),60s) -fuzzminimizetime 10x "$$(dirname "$$file")" </dev/null || exit; done
sim: ## SEEDS=10000 worlds: days of virtual time a second
	go test ./pkg/watcher -run 'TestSimulation$$' -seeds $(or $(SEEDS),10000) -timeout 0
kills: ## real processes, SIGKILL at every write and request
	go test ./cmd/watcherd -run TestKills -kills all -timeout 1h
bench: ## the benchmarks
	go test -run '^$$' -bench . -benchmem ./...
ci: ## what a change must pass
	.ci/run

.PHONY: lint lintian man boot-test mail-test telegram-test screenshots
lint: ## gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...
lintian: ## the packages are the same every time, and lintian is content
	deploy/deb/check
man: ## the manual pages of the package, from the help and the comments
	go test ./cmd/watcherd -run TestManualPages -update
boot-test: ## the package in a systemd that really booted; needs root
	deploy/systemd/boot-test.sh
mail-test: ## mail, against a real postfix and dovecot; needs root
	deploy/mail-test.sh
telegram-test: ## Telegram, against somebody else's emulator of the Bot API; needs Node.js and npm
	deploy/telegram-test.sh
screenshots: ## pictures of every page of the answer page, into dist/screenshots/; needs chromium
	mkdir -p $(DIST)/screenshots
	go test ./pkg/notifier/web -run TestBrowser -count 1 -screenshots $(abspath $(DIST))/screenshots
