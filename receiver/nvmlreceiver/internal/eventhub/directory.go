// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package eventhub

import (
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/convert"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
)

// directoryLimit bounds the devices that are remembered after they went.
const directoryLimit = 1024

// directory knows the devices by the names that events use. It keeps those that are gone: an event may be the last word about them.
type directory struct {
	uuids  map[string]gpuevent.GPU
	buses  map[string]gpuevent.GPU
	slices map[sliceKey]gpuevent.GPU
}

type sliceKey struct {
	parent       string
	gpu, compute uint32
}

func (d *directory) learn(s *nvmlwire.Snapshot) {
	if d.uuids == nil || len(d.uuids)+len(s.Devices) > directoryLimit {
		*d = directory{uuids: map[string]gpuevent.GPU{}, buses: map[string]gpuevent.GPU{}, slices: map[sliceKey]gpuevent.GPU{}}
	}
	for i := range s.Devices {
		device := &s.Devices[i]
		gpu := d.identify(device)
		d.uuids[device.UUID] = gpu
		if device.Parent == "" && gpu.BusID != "" {
			d.buses[gpu.BusID] = gpu
		}
		g, c := instance(device.Info.GPUInstance), instance(device.Info.ComputeInstance)
		if device.Parent != "" && g != nil && c != nil {
			d.slices[sliceKey{device.Parent, *g, *c}] = gpu
		}
	}
}

// identify names a device. A slice is on the bus where its GPU is.
func (d *directory) identify(device *nvmlwire.Device) gpuevent.GPU {
	gpu := gpuevent.GPU{
		ID: convert.ID(device), Name: convert.Name(device, convert.Board(device)), Parent: device.Parent, BusID: device.Info.PCIBusID,
	}
	if gpu.BusID == "" {
		gpu.BusID = d.uuids[device.Parent].BusID
	}
	return gpu
}

func (d *directory) byUUID(uuid string) gpuevent.GPU {
	if gpu, ok := d.uuids[uuid]; ok {
		return gpu
	}
	return gpuevent.GPU{ID: uuid}
}

func (d *directory) byBusID(id string) gpuevent.GPU {
	if gpu, ok := d.buses[id]; ok {
		return gpu
	}
	return gpuevent.GPU{BusID: id}
}

// byKey is the GPU that an XID was merged by.
func (d *directory) byKey(key string) gpuevent.GPU {
	if gpu, ok := d.uuids[key]; ok {
		return gpu
	}
	if gpu, ok := d.buses[key]; ok {
		return gpu
	}
	if len(key) >= len("GPU-") && (key[:4] == "GPU-" || key[:4] == "MIG-") {
		return gpuevent.GPU{ID: key}
	}
	return gpuevent.GPU{BusID: key}
}

// slice is the MIG slice of a GPU with these ids; the GPU itself where there is none.
func (d *directory) slice(gpu gpuevent.GPU, g, c *uint32) gpuevent.GPU {
	if g == nil || c == nil {
		return gpu
	}
	if found, ok := d.slices[sliceKey{gpu.ID, *g, *c}]; ok {
		return found
	}
	return gpu
}
