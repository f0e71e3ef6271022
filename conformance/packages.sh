# shellcheck shell=bash
# Installs packages of Debian. Sourced, not run.

# debian_package COMMAND PACKAGE...: installs packages if the command is missing.
debian_package() {
	local command=$1
	shift
	command -v "$command" >/dev/null && return
	apt_install "$@"
}

apt_install() {
	local sudo=()
	[ "$(id -u)" = 0 ] || sudo=(sudo)
	echo "installing $*"
	# A new machine may be installing something by itself, and networks hiccup.
	local patient=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=5)
	"${sudo[@]}" apt-get "${patient[@]}" update -qq
	DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get "${patient[@]}" install -y -qq --no-install-recommends "$@"
}
