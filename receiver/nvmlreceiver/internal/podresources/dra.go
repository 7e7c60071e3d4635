// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

import (
	"strings"

	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"
)

// ParseClaim takes a device of a DRA claim. A CDI name that holds the UUID decides (nvidia.com/gpu=GPU-<uuid>); else the
// device name does, which the driver's own CDI names repeat (k8s.gpu.nvidia.com/claim=<claim uid>-gpu-0). The pool is the
// node's own for every device that a container of this node can hold, and tells nothing more.
func ParseClaim(claim *podresourcesv1.ClaimResource) DeviceID {
	parsed := parseDRAName(claim.GetDeviceName())
	for _, device := range claim.GetCdiDevices() {
		_, name, _ := strings.Cut(device.GetName(), "=")
		if id := ParseDeviceID(name); id.Form == FormUUID || id.Form == FormOldMIG {
			parsed = id
			break
		}
	}
	parsed.Replica = parsed.Replica || claim.GetShareId() != ""
	return parsed
}

const (
	draGPU   = "gpu-"
	draSlice = "-mig-"
)

// parseDRAName takes gpu-<n>, gpu-<n>-mig-<profile>-<profile id>-<start> and, from older drivers,
// gpu-<n>-mig-<profile id>-<start>-<size>.
func parseDRAName(name string) DeviceID {
	rest, ok := strings.CutPrefix(name, draGPU)
	if !ok {
		return newID(FormUnknown)
	}
	text, slice, isSlice := strings.Cut(rest, draSlice)
	n, ok := number(text)
	if !ok {
		return newID(FormUnknown)
	}
	if !isSlice {
		parsed := newID(FormDRA)
		parsed.Number = n
		return parsed
	}
	profile, start, ok := sliceNumbers(strings.Split(slice, "-"))
	if !ok {
		return newID(FormUnknown)
	}
	parsed := newID(FormDRASlice)
	parsed.Number, parsed.Profile, parsed.Start = n, profile, start
	return parsed
}

// sliceNumbers gives profile id and start. The profile's name always holds a letter (1g10gb), which tells the forms apart.
func sliceNumbers(parts []string) (profile, start int, ok bool) {
	const fields = 3
	if len(parts) < fields {
		return none, none, false
	}
	first := len(parts) - 2
	if _, old := number(parts[0]); old && len(parts) == fields {
		first = 0
	}
	profile, profileOK := number(parts[first])
	start, startOK := number(parts[first+1])
	return profile, start, profileOK && startOK
}
