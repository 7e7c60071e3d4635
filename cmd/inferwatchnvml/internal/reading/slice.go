//go:build linux && cgo

package reading

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/gpm"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/process"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// slice is one MIG device.
type slice struct {
	asker
	uuid   string
	info   nvmlwire.Info
	out    nvmlwire.Device
	gpm    gpm.Sampler
	gpmOff reason
	merger process.Merger
	found  bool // in this collection
	known  bool // its info was read
}

// mostSlices bounds what a library may claim; a GPU has at most 7 GPU instances with as many compute instances.
const mostSlices = 64

// readMIG reads MIG's mode and lists the slices. Handles are asked for in every collection: a slice may be gone and its handle be another's.
func (g *GPU) readMIG() {
	if !g.may(library.CallMIGMode, 0, 0) {
		g.dropSlices()
		return
	}
	mode, _, ret := g.device.GetMigMode()
	if !g.done(library.CallMIGMode, 0, 0, ret) {
		if library.ClassOf(ret) == library.ClassUnsupported {
			g.dropSlices()
			g.info.MIGMode = false
		}
		return
	}
	on := mode == nvml.DEVICE_MIG_ENABLE
	if on != g.info.MIGMode {
		g.info.MIGMode = on
		g.learn() // what a GPU supports is otherwise in the other mode
	}
	if !on {
		g.dropSlices()
		return
	}
	g.listSlices()
}

func (g *GPU) dropSlices() {
	if g.fatal != nvml.SUCCESS {
		return // not known to be gone
	}
	for _, s := range g.slices {
		s.gpm.Close()
	}
	g.slices = g.slices[:0]
}

func (g *GPU) listSlices() {
	if !g.may(library.CallMIGMax, 0, 0) {
		return
	}
	most, ret := g.device.GetMaxMigDeviceCount()
	if !g.done(library.CallMIGMax, 0, 0, ret) {
		return
	}
	for _, s := range g.slices {
		s.found = false
	}
	for i := range min(most, mostSlices) {
		if !g.may(library.CallMIGHandle, 0, 0) {
			return
		}
		handle, ret := g.device.GetMigDeviceHandleByIndex(i)
		_ = g.meter.End(ret)
		if ret != nvml.SUCCESS {
			if ret != nvml.ERROR_NOT_FOUND && ret != nvml.ERROR_INVALID_ARGUMENT { // an index that has none
				g.note(Origin{Call: library.CallMIGHandle}, ret, 0)
			}
			continue
		}
		g.answers++
		if uuid, ok := g.uuidOf(handle); ok {
			g.foundSlice(uuid, handle)
		}
	}
	kept := g.slices[:0]
	for _, s := range g.slices {
		if s.found {
			kept = append(kept, s)
		} else {
			s.gpm.Close()
		}
	}
	clear(g.slices[len(kept):])
	g.slices = kept
}

func (g *GPU) foundSlice(uuid string, handle nvml.Device) {
	for _, s := range g.slices {
		if s.uuid == uuid {
			s.found, s.device = true, handle
			return
		}
	}
	s := &slice{asker: asker{device: handle, meter: g.meter, halt: g.halt}, uuid: uuid, found: true, gpm: gpm.Sampler{NVML: g.nvml, Meter: g.meter}}
	s.info = nvmlwire.Info{Index: -1, Minor: -1, GPUInstance: -1, ComputeInstance: -1}
	g.slices = append(g.slices, s)
}

// readSlices takes the readings of each slice.
func (g *GPU) readSlices() {
	g.sliceOuts = g.sliceOuts[:0]
	for i, s := range g.slices {
		if g.fatal != nvml.SUCCESS {
			return
		}
		s.begin()
		if (g.collections-1)%relearnEvery == 0 {
			s.relearn()
			s.gpm.Retry()
			s.gpmOff, s.known = reason{}, false
		}
		if !s.known {
			s.readInfo(&g.info)
		}
		s.info.Index = i
		s.out = nvmlwire.Device{UUID: s.uuid, Parent: g.uuid, Readings: s.out.Readings[:0], Absent: s.out.Absent[:0], Info: s.info}
		total := s.memory(s.device, g.options.Want, &s.out)
		g.readSliceGPM(s)
		if g.options.Want.Has(nvmlwire.GroupProcesses) {
			s.merger.MemoryTotal = total
			if s.processLists(s.device, &s.merger, false) {
				s.merger.End(&s.out, g.options.MaxProcesses)
			}
		}
		s.finish(&s.out)
		order(&s.out)
		if s.fatal != nvml.SUCCESS {
			g.fatal, g.fatalCall = s.fatal, s.fatalCall
		}
		g.sliceOuts = append(g.sliceOuts, &s.out)
	}
}

// readInfo asks for what identifies a slice. A GPU's own properties are its parent's.
func (s *slice) readInfo(parent *nvmlwire.Info) {
	i := &s.info
	i.Minor, i.Serial, i.PCIBusID, i.VBIOS = parent.Minor, parent.Serial, parent.PCIBusID, parent.VBIOS
	i.Architecture, i.Brand, i.Capability, i.Virtual = parent.Architecture, parent.Brand, parent.Capability, parent.Virtual
	i.Name = s.textOf(library.CallName, i.Name, nvml.Device.GetName)
	if i.Name == "" {
		i.Name = parent.Name
	}
	if s.may(library.CallGPUInstance, 0, 0) {
		if id, ret := s.device.GetGpuInstanceId(); s.done(library.CallGPUInstance, 0, 0, ret) && id >= 0 && id < mostSlices {
			i.GPUInstance = id
		}
	}
	if s.may(library.CallComputeInstance, 0, 0) {
		if id, ret := s.device.GetComputeInstanceId(); s.done(library.CallComputeInstance, 0, 0, ret) && id >= 0 && id < mostSlices {
			i.ComputeInstance = id
		}
	}
	if i.Profile = profile(i.Name); i.Profile == "" && s.may(library.CallAttributes, 0, 0) {
		if attributes, ret := s.device.GetAttributes(); s.done(library.CallAttributes, 0, 0, ret) {
			i.Profile = profileOf(&attributes)
		}
	}
	s.known = i.GPUInstance >= 0
}

// readSliceGPM gives a slice its utilisation and pipes, on Hopper and later; nothing else does.
func (g *GPU) readSliceGPM(s *slice) {
	if !g.wantsGPM() {
		return
	}
	if s.gpmOff.origin.Call == library.CallNone {
		s.gpmOff = g.gpmBoard
		if missing, ok := gpm.Available(g.meter.Symbols, true); !ok {
			s.gpmOff = reason{origin: Origin{Call: missing}}
		}
	}
	if s.gpmOff.origin.Call != library.CallNone || s.info.GPUInstance < 0 {
		g.sliceGPMAbsent(s, s.gpmOff)
		return
	}
	call, ret := s.gpm.Read(g.device, s.info.GPUInstance, g.gpmQuery)
	if ret != nvml.SUCCESS {
		why := reason{origin: Origin{Call: call}, code: int32(ret)}
		if library.ClassOf(ret) == library.ClassUnsupported {
			s.gpmOff = why
		}
		s.note(why.origin, ret, 0)
		g.sliceGPMAbsent(s, why)
		return
	}
	s.answers++
	if g.options.Want.Has(nvmlwire.GroupUtilization) {
		s.emitGPM(&s.gpm, &s.out, 0, gpm.Utilization)
	}
	if g.options.Want.Has(nvmlwire.GroupProfiling) {
		s.emitGPM(&s.gpm, &s.out, gpm.Utilization, len(gpm.Metrics))
	}
}

func (g *GPU) sliceGPMAbsent(s *slice, why reason) {
	if g.options.Want.Has(nvmlwire.GroupUtilization) {
		s.absent(nvmlwire.UtilizationGPU, why)
		s.absent(nvmlwire.UtilizationMemory, why)
	}
	g.gpmAbsent(&s.asker, why)
}
