#!/bin/sh
# Lays out the binary, configurations and units: install.sh ROLE BINARY (role: agent or gateway).
# DESTDIR names another root, for packages; without it users, folders and units are known to the system at once.
# Files of /etc that are there already stay as they are.
set -eu

role=${1:?role: agent or gateway}
binary=${2:?path of the inferwatch binary}
root=${DESTDIR:-}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
configs=$here/../../configs
unit=$here/inferwatch-$role.service
[ -f "$unit" ] || { echo "install.sh: no such role: $role" >&2; exit 2; }

keep() { # MODE SOURCE TARGET: what an administrator has edited is never overwritten
	[ -e "$3" ] || install -D -m "$1" "$2" "$3"
}

install -D -m 0755 "$binary" "$root/usr/bin/inferwatch"
install -D -m 0644 "$unit" "$root/usr/lib/systemd/system/inferwatch-$role.service"
install -D -m 0644 "$here/inferwatch-.service.d/10-common.conf" \
	"$root/usr/lib/systemd/system/inferwatch-.service.d/10-common.conf"
install -D -m 0644 "$here/sysusers.d/inferwatch.conf" "$root/usr/lib/sysusers.d/inferwatch.conf"
install -D -m 0644 "$here/tmpfiles.d/inferwatch.conf" "$root/usr/lib/tmpfiles.d/inferwatch.conf"
keep 0644 "$configs/$role.yaml" "$root/etc/inferwatch/$role.yaml"
keep 0600 "$here/etc/$role.env" "$root/etc/inferwatch/$role.env"
[ ! -f "$configs/kafka/$role.yaml" ] ||
	keep 0644 "$configs/kafka/$role.yaml" "$root/etc/inferwatch/kafka/$role.yaml"

if [ -z "$root" ]; then
	systemd-sysusers inferwatch.conf
	systemd-tmpfiles --create inferwatch.conf
	systemctl daemon-reload
	echo "next: edit /etc/inferwatch/$role.env, then: systemctl enable --now inferwatch-$role"
fi
