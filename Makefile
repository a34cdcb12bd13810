# rung: make builds, make run shows a container, make test runs every test.

PREFIX  ?= /usr/local
DESTDIR ?=
GO      ?= go

VERSION := $(shell cat VERSION)
COMMIT  := $(or $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null),unknown)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
DEADCODE    := golang.org/x/tools/cmd/deadcode@v0.52.0

# Nothing of the machine, the directory or the moment gets into the binary. Where the
# process begins (-E) is for speed only: see cmd/maxprocs.
export CGO_ENABLED := 0
BUILD := $(GO) build -trimpath -buildvcs=false -tags urfave_cli_no_docs \
	-ldflags '-s -w -buildid= -E github.com/rung-oci/rung/cmd/maxprocs.start -X main.version=$(VERSION) -X main.commit=$(COMMIT)'

.PHONY: all
all: bin/rung

# The Go tool knows what is up to date.
.PHONY: bin/rung
bin/rung:
	@mkdir -p bin
	$(BUILD) -o $@ .

# The main job: a container made of what the machine has, seen from inside.
.PHONY: run
run: bin/rung
	@$(GO) run ./tests/demo

# All tests, or with STAGES="unit integration" some of them.
STAGES ?=
.PHONY: test
test: bin/rung
	@tests/install-deps
	@$(GO) build -o bin/tests/ ./tests/run
	@bin/tests/run $(STAGES)

.PHONY: bench
bench: bin/rung
	@$(GO) run ./tests/bench

.PHONY: lint
lint:
	@tests/lint $(STATICCHECK) $(DEADCODE)

# Builds again in another directory with nothing cached: the same bytes.
.PHONY: reproducible
reproducible: bin/rung
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	mkdir "$$tmp/elsewhere" && \
	tar -cf - --exclude=./bin --exclude=./.git . | tar -xf - -C "$$tmp/elsewhere" && \
	GOCACHE="$$tmp/cache" $(MAKE) --no-print-directory -s -C "$$tmp/elsewhere" COMMIT='$(COMMIT)' bin/rung && \
	cmp bin/rung "$$tmp/elsewhere/bin/rung" && \
	echo "reproducible: $$(sha256sum <bin/rung | cut -c1-64)"

# The manual pages and completions, from the command line's definition.
.PHONY: generate
generate:
	@$(GO) run ./contrib/gen

.PHONY: install
install: bin/rung
	install -D -m 0755 bin/rung '$(DESTDIR)$(PREFIX)/bin/rung'
	install -d '$(DESTDIR)$(PREFIX)/share/man/man8'
	install -m 0644 contrib/man/*.8 '$(DESTDIR)$(PREFIX)/share/man/man8'
	install -D -m 0644 contrib/completions/rung.bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/rung'
	install -D -m 0644 contrib/completions/_rung '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_rung'
	install -D -m 0644 contrib/completions/rung.fish '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/rung.fish'

# A Debian package, bin/rung_VERSION_ARCH.deb.
.PHONY: deb
deb: bin/rung
	@contrib/debian/build

.PHONY: clean
clean:
	rm -rf bin
