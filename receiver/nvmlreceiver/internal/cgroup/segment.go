// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"

import "strings"

const (
	longID  = 64 // digits of the id of Docker, containerd, CRI-O and Podman
	shortID = 32 // digits of an ECS task, a static pod's hash
)

// podUID recognises the segment of a pod: pod<uid> of the cgroupfs driver and [kubelet-]kubepods[-<qos>]-pod<uid>.slice of
// the systemd driver, which writes the dashes of the uid as underscores.
func podUID(segment string) (string, bool) {
	name := strings.TrimSuffix(segment, ".slice")
	at := strings.LastIndex(name, "pod")
	if at < 0 || (at > 0 && name[at-1] != '-') {
		return "", false
	}
	uid := name[at+len("pod"):]
	if strings.IndexByte(uid, '_') >= 0 {
		uid = strings.ReplaceAll(uid, "_", "-")
	}
	return uid, isUUID(uid) || (len(uid) == shortID && isHex(uid))
}

// containerID recognises the segment of a container: the bare id, or <runtime>-<id>.scope. family is the manager above the
// segment whose ids look unlike everyone else's.
func containerID(segment, family string) (string, bool) {
	name := strings.TrimSuffix(segment, ".scope")
	switch {
	case isLongID(name):
		return name, true
	case family == familyECS && isFargateID(name), family == familyGarden && isGardenID(name):
		return name, true
	}
	at := len(name) - longID - 1
	if at < 1 || (name[at] != '-' && name[:at] != "kata") || !isLongID(name[at+1:]) {
		return "", false
	}
	// The monitor of a container (crio-conmon-<id>, libpod-conmon-<id>) is a process of the host.
	if strings.HasSuffix(name[:at], "conmon") {
		return "", false
	}
	return name[at+1:], true
}

const (
	familyECS    = "ecs"
	familyGarden = "garden"
)

// family is the manager that the segments below belong to.
func family(above, segment string) string {
	switch segment {
	case "ecs":
		return familyECS
	case "garden", "garden.service":
		return familyGarden
	}
	return above
}

// innerUnit keeps the innermost service or scope, or the innermost slice as long as there is neither.
func innerUnit(outer, segment string) string {
	switch {
	case strings.HasSuffix(segment, ".service"), strings.HasSuffix(segment, ".scope"):
		return segment
	case strings.HasSuffix(segment, ".slice") && (outer == "" || strings.HasSuffix(outer, ".slice")):
		return segment
	}
	return outer
}

func isLongID(s string) bool { return len(s) == longID && isHex(s) }

// isFargateID: <task id>-<number>, as /ecs/<task id>/<task id>-<number> on Fargate.
func isFargateID(s string) bool {
	if len(s) < shortID+2 || len(s) > shortID+1+20 || s[shortID] != '-' || !isHex(s[:shortID]) {
		return false
	}
	return strings.Trim(s[shortID+1:], "0123456789") == ""
}

// isGardenID: 8-4-4-4-12 or 8-4-4-4-4 hexadecimal digits, as Cloud Foundry's garden names its containers.
func isGardenID(s string) bool {
	const short = len("01234567-0123-0123-0123-0123")
	return isUUID(s) || (len(s) == short && isUUID(s+"01234567"))
}

func isUUID(s string) bool {
	if len(s) != len("01234567-0123-0123-0123-012345678901") {
		return false
	}
	for i := range len(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || (!dash && !isHexDigit(s[i])) {
			return false
		}
	}
	return true
}

func isHex(s string) bool {
	for i := range len(s) {
		if !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

func isHexDigit(c byte) bool { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') }
