# shellcheck shell=bash
# Sourced by ./demo and ./check, in the root of the tree: see which packages of tests/packages.txt
# are missing and install them; build outside of the tree. Nothing is touched when all is there, and
# no package leaves a daemon running or enabled.

packages_list=${BASH_SOURCE[0]%/*}/packages.txt
packages_policy=/usr/sbin/policy-rc.d
packages_aside=/usr/sbin/policy-rc.d.before-fairlead

packages_probe() { # PROBE: is it there?
	case $1 in
	command:*) command -v "${1#*:}" >/dev/null ;;
	file:*) compgen -G "${1#*:}" >/dev/null ;;
	esac
}

packages_missing() { # SECTION...: print the packages that are not there
	local section package probe
	while read -r section package probe; do
		[[ " $* " == *" $section "* ]] || continue
		packages_probe "$probe" || echo "$package"
	done < <(grep -v '^ *\(#\|$\)' "$packages_list")
}

packages_root() { # COMMAND...: run it as root
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

packages_units() { # PACKAGE: print the services that it would start at boot
	case $1 in
	jabberd2) echo jabberd.service jabberd-{c2s,router,s2s,sm}.service ;;
	erlang-base) echo epmd.service epmd.socket ;;
	*) echo "$1.service" ;;
	esac
}

packages_unpolicy() {
	packages_root rm -f "$packages_policy"
	# -h: it may be a link that leads nowhere just now.
	if packages_root test -e "$packages_aside" -o -h "$packages_aside"; then
		packages_root mv "$packages_aside" "$packages_policy"
	fi
}

# A package's script asks policy-rc.d before it starts a daemon; 101 forbids it.
packages_apt() { # PACKAGE...
	local status=0 package daemons=(prosody ejabberd jabberd2 nginx haproxy prometheus) named=" $* "
	# Comes with ejabberd; one that was here before has its reasons to run.
	if [[ $named == *" ejabberd "* ]] && ! command -v epmd >/dev/null; then
		daemons+=(erlang-base)
		named+="erlang-base "
	fi
	if packages_root test -e "$packages_policy" -o -h "$packages_policy"; then
		packages_root mv "$packages_policy" "$packages_aside"
	fi
	trap 'packages_unpolicy; exit 130' INT TERM HUP
	printf '#!/bin/sh\nexit 101\n' | packages_root tee "$packages_policy" >/dev/null
	packages_root chmod 755 "$packages_policy"
	packages_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q update &&
		packages_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
			apt-get -q install -y --no-install-recommends "$@" || status=$?
	for package in "${daemons[@]}"; do
		if [[ $named == *" $package "* ]]; then
			# Outside of a package's script it works only with the name of one.
			# shellcheck disable=SC2046 # names of units, for the shell to expand
			packages_root env "DPKG_MAINTSCRIPT_PACKAGE=$package" \
				deb-systemd-helper disable $(packages_units "$package") || true
			packages_root update-rc.d "$package" disable || true
		fi
	done >/dev/null 2>&1
	packages_unpolicy
	trap - INT TERM HUP
	return $status
}

packages_install() { # SECTION...: install what is missing, or say what is
	local missing log
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "These are missing here, under the names that Debian 12 has for them:" >&2
		printf '  %s\n' "${missing[@]}" >&2
		echo "Please install them with this system's own tools." >&2
		return 1
	fi
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		echo "Some packages are missing, and there is no sudo. As root, please run:" >&2
		echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
		return 1
	fi
	echo "installing ${missing[*]}"
	log=$(mktemp)
	if ! packages_apt "${missing[@]}" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		echo "apt-get could not install: ${missing[*]}" >&2
		return 1
	fi
	rm -f "$log"
}

build_in() { # FOLDER [CONFIGURE-OPTION...]: build all of Fairlead there, or what has changed
	local folder=$1
	shift
	if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
		./bootstrap || return 1
	fi
	if [ -e config.status ]; then
		echo "Fairlead was configured in its source folder, where nothing else can be built then:" \
			"\`make distclean\`, and build it in a folder of its own" \
			"(mkdir -p build && cd build && ../configure && make)" >&2
		return 1
	fi
	mkdir -p "$folder"
	# A folder that was configured otherwise, or elsewhere, is configured anew.
	if [ ! -f "$folder/Makefile" ] || [ "$PWD $*" != "$(cat "$folder/.configured" 2>/dev/null)" ]; then
		(top=$PWD && cd "$folder" && "$top/configure" "$@") || return 1
		echo "$PWD $*" >"$folder/.configured"
	fi
	make -C "$folder" -j"$(nproc)"
}
