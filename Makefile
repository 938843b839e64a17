# Thin over Meson: every target installs what it needs and says what it does.
.PHONY: up build check lint soak bench fuzz docs shots tarball deb clean

DATA ?= ./data

# A running server from a fresh machine; run again, it just starts.
up: build
	@exec build/opboxd demo --data $(DATA)

build:
	@tools/install-packages.sh build $$(tools/build-console.sh --needs)
	@tools/build-console.sh
	@[ -d build ] || meson setup build -Dtests=false -Dconsole=true --buildtype=release -Db_ndebug=false >/dev/null
	@grep -q console_files.c build/build.ninja || meson configure build -Dconsole=true
	@ninja -C build $(if $(V),-v,--quiet)
	@ln -f build/src/opboxd build/opboxd

# All tests on both engines, with and without sanitizers, with both compilers, and the linters.
check:
	@tools/install-packages.sh check
	@exec tools/check.py

lint:
	@tools/install-packages.sh check
	@exec tools/lint.py

# The full counts of what `make check` runs reduced.
soak:
	@tools/install-packages.sh check
	@exec tools/check.py --soak

bench:
	@tools/install-packages.sh bench
	@exec bench/run.sh

# libFuzzer on every target, SECONDS each: make fuzz SECONDS=600
SECONDS ?= 60
fuzz:
	@tools/install-packages.sh check
	@exec tools/fuzz.sh $(SECONDS)

# Every screen of the console, light and dark, wide and narrow, on one sheet: build-shots/sheet.png
shots: build
	@tools/install-packages.sh check
	@exec tools/shots.sh build/opboxd

# The pages that are generated from the program.
docs: build
	@exec tools/make-docs.sh build/opboxd

# A release with the console built in it: build-dist/opboxd-VERSION.tar.xz
tarball:
	@tools/install-packages.sh package $$(tools/build-console.sh --needs)
	@tools/make-tarball.sh

# The Debian package of it: build-dist/opboxd_VERSION_ARCHITECTURE.deb
deb:
	@tools/install-packages.sh build package $$(tools/build-console.sh --needs)
	@tools/make-deb.sh

clean:
	rm -rf build build-* web/dist
