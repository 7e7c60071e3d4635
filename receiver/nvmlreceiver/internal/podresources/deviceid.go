// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

import (
	"strconv"
	"strings"
)

// Form is how a device id names its device.
type Form string

// The forms of a device id.
const (
	// FormUUID: GPU-<uuid> or MIG-<uuid>, in DeviceID.UUID.
	FormUUID Form = "uuid"
	// FormOldMIG: MIG-GPU-<uuid>/<gi>/<ci>, of drivers before 470: the GPU in UUID, the instances in GI and CI.
	FormOldMIG Form = "old_mig"
	// FormMinor: nvidia<n> of GKE's plugin, the minor number in Number, the GPU instance in GI or -1.
	FormMinor Form = "minor"
	// FormIndex: <n>, the NVML index in Number.
	FormIndex Form = "index"
	// FormDRA: gpu-<n> of a DRA claim, in Number the minor or (older driver) the index.
	FormDRA Form = "dra"
	// FormDRASlice: gpu-<n>-mig-... of a DRA claim: Number as in FormDRA, Profile and Start the GPU instance profile's id and
	// the placement.
	FormDRASlice Form = "dra_slice"
	// FormUnknown: none of these.
	FormUnknown Form = "unknown"
)

// none is the value of a number that an id does not hold.
const none = -1

// DeviceID is a device id taken apart. Numbers that its form does not hold are -1.
type DeviceID struct {
	Form           Form
	UUID           string
	Number         int
	GI, CI         int
	Profile, Start int
	// Replica tells that the id names one of several shares of a device: time-slicing, MPS, a claim's share.
	Replica bool
}

const (
	prefixGPU = "GPU-"
	prefixMIG = "MIG-"
	uuidLen   = len("01234567-0123-0123-0123-012345678901")
)

func newID(form Form) DeviceID {
	return DeviceID{Form: form, Number: none, GI: none, CI: none, Profile: none, Start: none}
}

// ParseDeviceID takes a device id as a device plugin registers it with the kubelet. An id of no known form has FormUnknown.
func ParseDeviceID(id string) DeviceID {
	base, _, replica := strings.Cut(id, "::")
	parsed := parseBase(base)
	parsed.Replica = parsed.Replica || replica
	return parsed
}

func parseBase(id string) DeviceID {
	switch {
	case strings.HasPrefix(id, prefixMIG+prefixGPU):
		return parseOldMIG(id[len(prefixMIG):])
	case strings.HasPrefix(id, prefixGPU), strings.HasPrefix(id, prefixMIG):
		return parseUUID(id[:len(prefixGPU)], id[len(prefixGPU):])
	case strings.HasPrefix(id, "nvidia"):
		return parseGKE(strings.TrimPrefix(id, "nvidia"))
	}
	if n, ok := number(id); ok {
		parsed := newID(FormIndex)
		parsed.Number = n
		return parsed
	}
	return parseUUID(prefixGPU, id)
}

// parseUUID takes what follows the prefix. Plugins that share a GPU in their own way append the share to the UUID
// (GPU-<uuid>-3, GPU-<uuid>-_-3).
func parseUUID(prefix, rest string) DeviceID {
	if len(rest) < uuidLen || !isUUID(rest[:uuidLen]) {
		return newID(FormUnknown)
	}
	parsed := newID(FormUUID)
	parsed.UUID = prefix + rest[:uuidLen]
	if share := rest[uuidLen:]; share != "" {
		if _, ok := number(strings.TrimLeft(share, "-_")); !ok || share[0] != '-' {
			return newID(FormUnknown)
		}
		parsed.Replica = true
	}
	return parsed
}

// parseOldMIG takes GPU-<uuid>/<gi>/<ci>.
func parseOldMIG(id string) DeviceID {
	gpu, instances, _ := strings.Cut(id, "/")
	giText, ciText, _ := strings.Cut(instances, "/")
	gi, giOK := number(giText)
	ci, ciOK := number(ciText)
	parsed := parseUUID(prefixGPU, strings.TrimPrefix(gpu, prefixGPU))
	if parsed.Form != FormUUID || parsed.Replica || !giOK || !ciOK {
		return newID(FormUnknown)
	}
	parsed.Form, parsed.GI, parsed.CI = FormOldMIG, gi, ci
	return parsed
}

// parseGKE takes <minor>, <minor>/gi<n>, <minor>/vgpu<n> and <minor>/gi<n>/vgpu<n>.
func parseGKE(rest string) DeviceID {
	text, parts, _ := strings.Cut(rest, "/")
	minor, ok := number(text)
	if !ok {
		return newID(FormUnknown)
	}
	parsed := newID(FormMinor)
	parsed.Number = minor
	if gi, more, _ := strings.Cut(parts, "/"); strings.HasPrefix(gi, "gi") {
		if parsed.GI, ok = number(gi[len("gi"):]); !ok {
			return newID(FormUnknown)
		}
		parts = more
	}
	if parts == "" {
		return parsed
	}
	parsed.Replica = true
	if share, found := strings.CutPrefix(parts, "vgpu"); found {
		if _, ok := number(share); ok {
			return parsed
		}
	}
	return newID(FormUnknown)
}

// number takes a decimal number of at most four digits, without a sign.
func number(s string) (int, bool) {
	if s == "" || len(s) > 4 || strings.Trim(s, "0123456789") != "" {
		return none, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func isUUID(s string) bool {
	for i := range len(s) {
		c := s[i]
		hex := (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || (!dash && !hex) {
			return false
		}
	}
	return len(s) == uuidLen
}
