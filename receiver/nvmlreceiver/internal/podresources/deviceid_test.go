// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources

import (
	"testing"

	"github.com/stretchr/testify/assert"
	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"
)

const (
	gpu0 = "GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"
	gpu1 = "GPU-c6d5ba0d-33d2-b2c5-24d9-e3d8d2b8a770"
	gpu2 = "GPU-00000000-1111-2222-3333-444444444444"
	mig0 = "MIG-89a3b9c3-6d1f-5c1c-9d3c-8e2f1d0b7c31"
	mig1 = "MIG-11a3b9c3-6d1f-5c1c-9d3c-8e2f1d0b7c31"
)

func id(form Form, change func(*DeviceID)) DeviceID {
	d := newID(form)
	change(&d)
	return d
}

func TestParseDeviceID(t *testing.T) {
	uuid := func(u string, replica bool) DeviceID {
		return id(FormUUID, func(d *DeviceID) { d.UUID, d.Replica = u, replica })
	}
	minor := func(n, gi int, replica bool) DeviceID {
		return id(FormMinor, func(d *DeviceID) { d.Number, d.GI, d.Replica = n, gi, replica })
	}
	index := func(n int, replica bool) DeviceID {
		return id(FormIndex, func(d *DeviceID) { d.Number, d.Replica = n, replica })
	}
	unknown := newID(FormUnknown)
	for text, want := range map[string]DeviceID{
		gpu0:                   uuid(gpu0, false),
		mig0:                   uuid(mig0, false),
		gpu0 + "::3":           uuid(gpu0, true), // time-slicing and MPS look alike
		mig0 + "::0":           uuid(mig0, true),
		gpu0[4:]:               uuid(gpu0, false),
		gpu0[4:] + "::2":       uuid(gpu0, true),
		gpu0 + "-7":            uuid(gpu0, true),
		gpu0 + "-_-7":          uuid(gpu0, true),
		"nvidia0":              minor(0, -1, false),
		"nvidia15":             minor(15, -1, false),
		"nvidia0/gi1":          minor(0, 1, false),
		"nvidia0/vgpu1":        minor(0, -1, true),
		"nvidia0/gi3/vgpu2":    minor(0, 3, true),
		"0":                    index(0, false),
		"7":                    index(7, false),
		"0::2":                 index(0, true),
		"MIG-" + gpu0 + "/7/0": id(FormOldMIG, func(d *DeviceID) { d.UUID, d.GI, d.CI = gpu0, 7, 0 }),
		"MIG-" + gpu0 + "/7/0::1": id(FormOldMIG, func(d *DeviceID) {
			d.UUID, d.GI, d.CI, d.Replica = gpu0, 7, 0, true
		}),
		"":                       unknown,
		"all":                    unknown,
		"tegra":                  unknown,
		"GPU-":                   unknown,
		gpu0 + "x":               unknown,
		gpu0 + "-x":              unknown,
		"MIG-" + gpu0:            unknown,
		"MIG-" + gpu0 + "/7":     unknown,
		"MIG-" + gpu0 + "/a/b":   unknown,
		"nvidia":                 unknown,
		"nvidiactl":              unknown,
		"nvidia0/gi":             unknown,
		"nvidia0/giX/vgpu0":      unknown,
		"nvidia0/gi1/x":          unknown,
		"nvidia0/x":              unknown,
		"0:1":                    unknown, // the index of a slice is not one that NVML keeps
		"-1":                     unknown,
		"99999":                  unknown,
		"0000:65:00.0":           unknown,
		"GPU-5d5ba0d6_d33d-2b2c": unknown,
	} {
		got := ParseDeviceID(text)
		if want.Form == FormUnknown {
			assert.Equal(t, FormUnknown, got.Form, text)
			continue
		}
		assert.Equal(t, want, got, text)
	}
}

func claim(device, cdi string) *podresourcesv1.ClaimResource {
	c := &podresourcesv1.ClaimResource{DriverName: "gpu.nvidia.com", PoolName: "node-a", DeviceName: device}
	if cdi != "" {
		c.CdiDevices = []*podresourcesv1.CDIDevice{{Name: cdi}}
	}
	return c
}

func TestParseClaim(t *testing.T) {
	gpu := func(n int) DeviceID { return id(FormDRA, func(d *DeviceID) { d.Number = n }) }
	slice := func(n, profile, start int) DeviceID {
		return id(FormDRASlice, func(d *DeviceID) { d.Number, d.Profile, d.Start = n, profile, start })
	}
	for _, tc := range []struct {
		device, cdi string
		want        DeviceID
	}{
		{"gpu-0", "", gpu(0)},
		{"gpu-11", "k8s.gpu.nvidia.com/claim=dab5ab50-d59a-42a6-af16-cfd4628c0f7a-gpu-11", gpu(11)},
		{"gpu-0", "nvidia.com/gpu=" + gpu0, id(FormUUID, func(d *DeviceID) { d.UUID = gpu0 })},
		{"gpu-0-mig-1g10gb-19-3", "", slice(0, 19, 3)},
		{"gpu-0-mig-1g10gb-me-20-0", "", slice(0, 20, 0)},
		{"gpu-2-mig-9-4-4", "", slice(2, 9, 4)},
		{"gpu-vfio-0", "", newID(FormUnknown)},
		{"gpu-0-mig-1g", "", newID(FormUnknown)},
		{"gpu-0-mig-1g-a-b", "", newID(FormUnknown)},
		{"channel-0", "", newID(FormUnknown)},
		{"", "", newID(FormUnknown)},
	} {
		assert.Equal(t, tc.want, ParseClaim(claim(tc.device, tc.cdi)), tc.device)
	}
	shared := claim("gpu-0", "")
	share := "e5f9"
	shared.ShareId = &share
	assert.True(t, ParseClaim(shared).Replica)
}

func FuzzDeviceID(f *testing.F) {
	for _, s := range []string{gpu0, mig0 + "::1", "nvidia0/gi1/vgpu2", "MIG-" + gpu0 + "/1/2", "0", "gpu-0-mig-1g10gb-19-3", "gpu-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []DeviceID{ParseDeviceID(text), ParseClaim(claim(text, text))} {
			switch d.Form {
			case FormUUID, FormOldMIG:
				if len(d.UUID) != len(gpu0) || !isUUID(d.UUID[4:]) {
					t.Fatalf("%q gave the UUID %q", text, d.UUID)
				}
			case FormMinor, FormIndex, FormDRA, FormDRASlice:
				if d.Number < 0 || d.UUID != "" {
					t.Fatalf("%q gave %+v", text, d)
				}
			case FormUnknown:
			default:
				t.Fatalf("%q gave the form %q", text, d.Form)
			}
		}
	})
}
