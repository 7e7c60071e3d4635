//go:build linux && cgo

package reading

import (
	"strconv"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
)

// UUIDPrefix begins the UUID of a GPU.
const UUIDPrefix = "GPU-"

// UUIDOf asks a handle for its UUID. What is no UUID, as from a damaged buffer, is NVML_ERROR_NO_DATA.
func UUIDOf(meter *library.Meter, device nvml.Device) (string, nvml.Return) {
	meter.Begin(library.CallUUID)
	uuid, ret := device.GetUUID()
	if meter.End(ret) != nvml.SUCCESS {
		return "", ret
	}
	if uuid = library.Text(uuid, ret); !strings.HasPrefix(uuid, UUIDPrefix) {
		meter.Fault()
		return "", nvml.ERROR_NO_DATA
	}
	return uuid, ret
}

// uuidOf asks a handle of a slice.
func (a *asker) uuidOf(device nvml.Device) (string, bool) {
	if !a.may(library.CallUUID, 0, 0) {
		return "", false
	}
	uuid, ret := device.GetUUID()
	if !a.done(library.CallUUID, 0, 0, ret) {
		return "", false
	}
	if uuid = library.Text(uuid, ret); !strings.HasPrefix(uuid, "MIG-") {
		a.meter.Fault()
		return "", false
	}
	return uuid, true
}

// text asks for a text; old stays where there is none now.
func (a *asker) textOf(call library.Call, old string, ask func(nvml.Device) (string, nvml.Return)) string {
	if !a.may(call, 0, 0) {
		return old
	}
	s, ret := ask(a.device)
	if !a.done(call, 0, 0, ret) {
		return old
	}
	if clean := library.Text(s, ret); clean != "" {
		return clean
	}
	if s != "" {
		a.meter.Fault()
	}
	return old
}

// readInfo asks for what identifies the board.
func (g *GPU) readInfo() {
	i := &g.info
	i.Name = g.textOf(library.CallName, i.Name, nvml.Device.GetName)
	i.Serial = g.textOf(library.CallSerial, i.Serial, nvml.Device.GetSerial)
	i.VBIOS = g.textOf(library.CallVBIOS, i.VBIOS, nvml.Device.GetVbiosVersion)
	i.PCIBusID = g.textOf(library.CallPCIInfo, i.PCIBusID, busID)
	if g.may(library.CallMinor, 0, 0) {
		if minor, ret := g.device.GetMinorNumber(); g.done(library.CallMinor, 0, 0, ret) && minor <= mostMinor {
			i.Minor = minor
		}
	}
	if g.may(library.CallArchitecture, 0, 0) {
		if a, ret := g.device.GetArchitecture(); g.done(library.CallArchitecture, 0, 0, ret) {
			i.Architecture = architecture(a)
		}
	}
	if g.may(library.CallBrand, 0, 0) {
		if b, ret := g.device.GetBrand(); g.done(library.CallBrand, 0, 0, ret) && b >= 0 && int(b) < len(brands) {
			i.Brand = brands[b]
		}
	}
	if g.may(library.CallCapability, 0, 0) {
		if major, minor, ret := g.device.GetCudaComputeCapability(); g.done(library.CallCapability, 0, 0, ret) && major > 0 && major < 100 {
			i.Capability = strconv.Itoa(major) + "." + strconv.Itoa(minor)
		}
	}
	g.readVirtualization()
}

func (g *GPU) readVirtualization() {
	if g.options.WSL {
		g.info.Virtual = "wsl"
		return
	}
	if !g.may(library.CallVirtualization, 0, 0) {
		return
	}
	mode, ret := g.device.GetVirtualizationMode()
	if !g.done(library.CallVirtualization, 0, 0, ret) {
		return
	}
	switch mode {
	case nvml.GPU_VIRTUALIZATION_MODE_PASSTHROUGH:
		g.info.Virtual = "passthrough"
	case nvml.GPU_VIRTUALIZATION_MODE_VGPU:
		g.info.Virtual = "vgpu"
	default: // none, or the host of vGPUs, which has the board itself
		g.info.Virtual = ""
	}
}

// mostMinor is the highest device node of the driver, /dev/nvidia<minor>.
const mostMinor = 254

func busID(d nvml.Device) (string, nvml.Return) {
	pci, ret := d.GetPciInfo()
	var id [len(pci.BusId)]byte
	n := 0
	for n < len(id) && pci.BusId[n] != 0 {
		id[n] = byte(pci.BusId[n])
		n++
	}
	return string(id[:n]), ret
}

func architecture(a nvml.DeviceArchitecture) string {
	switch a {
	case nvml.DEVICE_ARCH_KEPLER:
		return "Kepler"
	case nvml.DEVICE_ARCH_MAXWELL:
		return "Maxwell"
	case nvml.DEVICE_ARCH_PASCAL:
		return "Pascal"
	case nvml.DEVICE_ARCH_VOLTA:
		return "Volta"
	case nvml.DEVICE_ARCH_TURING:
		return "Turing"
	case nvml.DEVICE_ARCH_AMPERE:
		return "Ampere"
	case nvml.DEVICE_ARCH_ADA:
		return "Ada"
	case nvml.DEVICE_ARCH_HOPPER:
		return "Hopper"
	case nvml.DEVICE_ARCH_BLACKWELL:
		return "Blackwell"
	case nvml.DEVICE_ARCH_RUBIN:
		return "Rubin"
	default:
		return ""
	}
}

// brands are nvmlBrandType_t's, in its order.
var brands = [...]string{
	"", "Quadro", "Tesla", "NVS", "GRID", "GeForce", "Titan", "NVIDIA Virtual Applications", "NVIDIA Virtual PC", "NVIDIA Virtual Compute Server",
	"NVIDIA RTX Virtual Workstation", "NVIDIA Cloud Gaming", "Quadro RTX", "NVIDIA RTX", "NVIDIA", "GeForce RTX", "Titan RTX",
}

// profile is a MIG slice's, from its name: "NVIDIA H100 80GB HBM3 MIG 1g.10gb".
func profile(name string) string {
	if _, after, ok := strings.Cut(name, " MIG "); ok {
		return after
	}
	return ""
}

// profileOf makes a slice's profile of its attributes, for a library whose names do not have it.
func profileOf(a *nvml.DeviceAttributes) string {
	const mebibytes = 1000 // NVIDIA rounds to GB in the profile's name
	if a.GpuInstanceSliceCount == 0 || a.GpuInstanceSliceCount > 16 || a.MemorySizeMB > 1<<24 {
		return ""
	}
	name := strconv.Itoa(int(a.GpuInstanceSliceCount)) + "g." + strconv.FormatUint((a.MemorySizeMB+mebibytes/2)/mebibytes, 10) + "gb"
	if a.ComputeInstanceSliceCount > 0 && a.ComputeInstanceSliceCount < a.GpuInstanceSliceCount {
		name = strconv.Itoa(int(a.ComputeInstanceSliceCount)) + "c." + name
	}
	return name
}
