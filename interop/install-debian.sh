#!/bin/sh
# Installs the programs that the tests in proxies/ start, from Debian's or
# Ubuntu's own packages. Needs root. Starts no service, and does nothing when
# all of them are there already.
set -eu

# program:package
programs='nginx:nginx apache2:apache2 haproxy:haproxy caddy:caddy systemd-analyze:systemd'

missing=
for program in $programs; do
	# The packages put them into sbin, which a user's PATH may lack.
	PATH="$PATH:/usr/sbin:/sbin" command -v "${program%%:*}" >/dev/null 2>&1 || missing="$missing ${program#*:}"
done
if [ -z "$missing" ]; then
	echo "all there: $programs"
	exit 0
fi

# A policy that forbids starting services, unless the system has its own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get update -qq
# shellcheck disable=SC2086 # one word each
apt-get install -y -qq --no-install-recommends $missing
