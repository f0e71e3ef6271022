#!/usr/bin/env bash
# Installs what the tests need besides Go and make: a C compiler, for the race detector. The clients in conformance/
# install themselves. Does nothing when all is there.
set -euo pipefail

# works: whether C programs can be compiled. A compiler without the headers of the C library is not enough.
works() {
	command -v "${CC:-cc}" >/dev/null &&
		echo '#include <stdlib.h>' | "${CC:-cc}" -x c -fsyntax-only - 2>/dev/null
}

works && exit
if ! command -v apt-get >/dev/null; then
	echo "The race detector needs a C compiler. Install gcc and the headers of the C library, and run this again." >&2
	exit 1
fi
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)
echo "installing gcc and libc6-dev, for the race detector"
# A new machine may be installing something by itself, and networks hiccup.
patient=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=5)
"${sudo[@]}" apt-get "${patient[@]}" update -qq
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get "${patient[@]}" install -y -qq --no-install-recommends gcc libc6-dev
works
