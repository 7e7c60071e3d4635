//go:build linux && cgo

package library

import (
	"strconv"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Soname is the library that the loader looks for where no path is given.
const Soname = "libnvidia-ml.so.1"

// marker is exported by stand-ins for NVML, and only by them.
const marker = "inferwatch_nvmlsim"

// Library is a loaded NVML. Only one can be loaded in the life of a process: go-nvml binds to it by global names.
type Library struct {
	NVML      nvml.Interface
	Symbols   *Symbols
	Simulated bool
}

// Load opens the library at path, or as the loader finds it, and looks up its symbols. It calls nothing of it. The error is the
// loader's, for a person. A second handle to the library is kept by purpose: symbols can be looked up before nvmlInit, which go-nvml
// does not allow, and glibc would not unload the library anyway.
func Load(path string) (*Library, error) {
	if path == "" {
		path = Soname
	}
	handle := dl.New(path, dl.RTLD_LAZY|dl.RTLD_GLOBAL)
	if err := handle.Open(); err != nil {
		return nil, err
	}
	exports := func(name string) bool { return handle.Lookup(name) == nil }
	return &Library{NVML: nvml.New(nvml.WithLibraryPath(path)), Symbols: Probe(exports), Simulated: exports(marker)}, nil
}

// Versions are the driver's, the library's and CUDA's versions; empty where the library does not tell.
type Versions struct{ Driver, NVML, CUDA string }

// ReadVersions asks for the versions, once after nvmlInit.
func (l *Library) ReadVersions(m *Meter) Versions {
	var v Versions
	if l.Symbols.Has(CallDriverVersion) {
		m.Begin(CallDriverVersion)
		text, ret := l.NVML.SystemGetDriverVersion()
		v.Driver = Text(text, m.End(ret))
	}
	if l.Symbols.Has(CallNVMLVersion) {
		m.Begin(CallNVMLVersion)
		text, ret := l.NVML.SystemGetNVMLVersion()
		v.NVML = Text(text, m.End(ret))
	}
	if l.Symbols.Has(CallCUDAVersion) {
		m.Begin(CallCUDAVersion)
		version, ret := l.NVML.SystemGetCudaDriverVersion()
		if m.End(ret) == nvml.SUCCESS && version > 0 {
			v.CUDA = strconv.Itoa(version/1000) + "." + strconv.Itoa(version%1000/10)
		}
	}
	return v
}

// Text is what a call gave as text; empty where it failed or gave anything but printable ASCII, as a damaged or unterminated buffer does.
func Text(s string, ret nvml.Return) string {
	if ret != nvml.SUCCESS {
		return ""
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return ""
		}
	}
	return s
}
