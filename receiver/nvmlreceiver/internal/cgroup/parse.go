// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"

import (
	"bytes"
	"strings"
)

// Identity is what a process's cgroup says about where the process belongs. Empty fields are not known.
type Identity struct {
	// ContainerID is container.id: 64 hexadecimal digits, or the id that ECS on Fargate and garden use.
	ContainerID string
	// PodUID is k8s.pod.uid, with dashes; for a static pod it is the 32 hexadecimal digits of its manifest's hash.
	PodUID string
	// SystemdUnit is the innermost service or scope (else slice) of a process outside of containers.
	SystemdUnit string
}

// rank orders identities by how much they say.
func (i Identity) rank() int {
	switch {
	case i.ContainerID != "" && i.PodUID != "":
		return 4
	case i.ContainerID != "":
		return 3
	case i.PodUID != "":
		return 2
	case i.SystemdUnit != "":
		return 1
	}
	return 0
}

// Parse takes the content of /proc/<pid>/cgroup, cgroup v1, v2 or hybrid. Lines that are not of the form
// "hierarchy:controllers:path" are passed over; the zero Identity means that the file names nothing known.
func Parse(content []byte) Identity {
	var best Identity
	bestScore := 0
	for line := range bytes.Lines(content) {
		controllers, path, ok := splitLine(string(bytes.TrimRight(line, "\n")))
		if !ok {
			continue
		}
		id := ParsePath(path)
		if score := id.rank()*hierarchies + preference(controllers); id.rank() > 0 && score > bestScore {
			best, bestScore = id, score
		}
	}
	return best
}

// splitLine gives the second and third field; the third may hold colons of its own.
func splitLine(line string) (controllers, path string, ok bool) {
	hierarchy, rest, ok := strings.Cut(line, ":")
	if !ok || hierarchy == "" || strings.Trim(hierarchy, "0123456789") != "" {
		return "", "", false
	}
	controllers, path, ok = strings.Cut(rest, ":")
	return controllers, path, ok && strings.HasPrefix(path, "/")
}

// hierarchies is how many values preference has.
const hierarchies = 3

func preference(controllers string) int {
	switch controllers {
	case "":
		return 2
	case "name=systemd":
		return 1
	}
	return 0
}

// deletedSuffix is what the kernel appends to the path of a cgroup that was removed under a process that is still ending.
const deletedSuffix = " (deleted)"

// ParsePath takes one path of the file, as it stands behind the second colon. To a reader in another cgroup namespace it
// begins with ".." for each level between the two; what they have in common above is hidden, so for another container of
// the reader's own pod, and for no one else, the pod is missing.
func ParsePath(path string) Identity {
	path = strings.TrimSuffix(path, deletedSuffix)
	var id Identity
	var parent string
	podContainer := false
	for segment := range strings.SplitSeq(path, "/") {
		for part := range strings.SplitSeq(segment, ":") {
			if uid, ok := podUID(part); ok {
				id.PodUID, id.ContainerID, podContainer = uid, "", false
			} else if container, ok := containerID(part, parent); ok && !podContainer {
				id.ContainerID, podContainer = container, id.PodUID != ""
			}
		}
		id.SystemdUnit = innerUnit(id.SystemdUnit, segment)
		parent = family(parent, segment)
	}
	if id.ContainerID != "" || id.PodUID != "" {
		id.SystemdUnit = ""
	}
	return id
}
