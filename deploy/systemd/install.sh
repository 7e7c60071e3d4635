#!/bin/sh
# Lays out the binaries, configurations and units: install.sh ROLE BINARY [TIER ...]
#   role: agent or gateway
#   tier, of an agent with GPUs: gpu, and on top of it gpu-pods and gpu-kernel-log (deploy/README.md)
# inferwatchnvml, which reads the GPUs for the agent, is taken from beside the binary.
# DESTDIR names another root, for packages; without it users, folders and units are known to the system at once.
# Files of /etc that are there already stay as they are. A tier that is not named is taken away.
set -eu

role=${1:?role: agent or gateway}
binary=${2:?path of the inferwatch binary}
shift 2
root=${DESTDIR:-}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
configs=$here/../../configs
unit=$here/inferwatch-$role.service
units=$root/usr/lib/systemd/system
fail() {
	echo "install.sh: $*" >&2
	exit 2
}
[ -f "$unit" ] || fail "no such role: $role"
[ "$role" = agent ] || [ $# -eq 0 ] || fail "tiers are an agent's, found: $*"
for tier; do
	case $tier in
	gpu) ;;
	gpu-pods | gpu-kernel-log) case " $* " in *" gpu "*) ;; *) fail "$tier needs gpu" ;; esac ;;
	*) fail "no such tier: $tier" ;;
	esac
done

keep() { # MODE SOURCE TARGET: what an administrator has edited is never overwritten
	[ -e "$3" ] || install -D -m "$1" "$2" "$3"
}

install -D -m 0755 "$binary" "$root/usr/bin/inferwatch"
install -D -m 0644 "$unit" "$units/inferwatch-$role.service"
install -D -m 0644 "$here/inferwatch-.service.d/10-common.conf" "$units/inferwatch-.service.d/10-common.conf"
install -D -m 0644 "$here/sysusers.d/inferwatch.conf" "$root/usr/lib/sysusers.d/inferwatch.conf"
install -D -m 0644 "$here/tmpfiles.d/inferwatch.conf" "$root/usr/lib/tmpfiles.d/inferwatch.conf"
keep 0644 "$configs/$role.yaml" "$root/etc/inferwatch/$role.yaml"
keep 0600 "$here/etc/$role.env" "$root/etc/inferwatch/$role.env"
[ ! -f "$configs/kafka/$role.yaml" ] ||
	keep 0644 "$configs/kafka/$role.yaml" "$root/etc/inferwatch/kafka/$role.yaml"

if [ "$role" = agent ]; then
	helper=$(dirname -- "$binary")/inferwatchnvml
	[ -f "$helper" ] || fail "$helper is missing: it is built with $binary"
	install -D -m 0755 "$helper" "$root/usr/bin/inferwatchnvml"
	rm -f "$units"/inferwatch-agent.service.d/[2-4]0-gpu*.conf "$units"/pod-resources-acl.*
	for tier; do
		for drop_in in "$here"/inferwatch-agent.service.d/[0-9][0-9]-"$tier".conf; do
			install -D -m 0644 "$drop_in" "$units/inferwatch-agent.service.d/${drop_in##*/}"
		done
		[ "$tier" != gpu-pods ] || install -m 0644 "$here"/pod-resources-acl.path "$here"/pod-resources-acl.service "$units"
	done
fi

if [ -z "$root" ]; then
	systemd-sysusers inferwatch.conf
	systemd-tmpfiles --create inferwatch.conf
	systemctl daemon-reload
	echo "next: edit /etc/inferwatch/$role.env, then: systemctl enable --now inferwatch-$role"
fi
