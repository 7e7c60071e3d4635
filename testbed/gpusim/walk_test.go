// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpusim_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// walker reads whatever the library exports, and notes which symbols it used.
type walker struct {
	out      io.Writer
	lib      nvml.Interface
	scenario string
	used     map[string]bool
}

// walk prints every reading of every device, and at the end the symbols that go-nvml was asked for.
func walk(out io.Writer, library, scenario string) error {
	w := &walker{out: out, lib: nvml.New(nvml.WithLibraryPath(library)), scenario: scenario, used: map[string]bool{}}
	if ret := w.lib.Init(); ret != nvml.SUCCESS {
		return fmt.Errorf("init: %s", ret.Error())
	}
	for _, symbol := range []string{"nvmlInit_v2", "nvmlErrorString", "nvmlShutdown"} {
		w.used[symbol] = true
	}
	if err := w.lib.Extensions().LookupSymbol("inferwatch_nvmlsim"); err != nil {
		return err
	}
	w.system()
	count, ret := w.lib.DeviceGetCount()
	w.used["nvmlDeviceGetCount_v2"], w.used["nvmlDeviceGetHandleByIndex_v2"] = true, true
	w.print("DeviceGetCount", ret, count)
	for i := range count {
		device, ret := w.lib.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			return fmt.Errorf("GPU %d: %s", i, ret.Error())
		}
		fmt.Fprintf(w.out, "\n== GPU %d\n", i)
		w.device(device)
		w.migDevices(device)
	}
	if ret := w.lib.Shutdown(); ret != nvml.SUCCESS {
		return fmt.Errorf("shutdown: %s", ret.Error())
	}
	for symbol := range w.used {
		fmt.Fprintln(os.Stdout, "used", symbol)
	}
	return nil
}

// has notes the symbol as used if the library has it, in any version.
func (w *walker) has(name string) bool {
	found := false
	for _, suffix := range []string{"", "_v2", "_v3"} {
		if w.lib.Extensions().LookupSymbol("nvml"+name+suffix) == nil {
			found = true
			w.used["nvml"+name+suffix] = true
		}
	}
	return found
}

func (w *walker) print(what string, ret nvml.Return, values ...any) {
	if ret != nvml.SUCCESS {
		fmt.Fprintf(w.out, "%s: %s\n", what, ret.Error())
		return
	}
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = show(value)
	}
	fmt.Fprintf(w.out, "%s: %s\n", what, strings.Join(texts, " "))
}

// show prints what arrays of characters say.
func show(value any) string {
	if pci, ok := value.(nvml.PciInfo); ok {
		return fmt.Sprintf("%s %s bus %d device %08x subsystem %08x", chars(pci.BusId[:]), chars(pci.BusIdLegacy[:]), pci.Bus,
			pci.PciDeviceId, pci.PciSubSystemId)
	}
	return fmt.Sprintf("%+v", value)
}

func chars[T int8 | uint8](text []T) string {
	var b strings.Builder
	for _, c := range text {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

func (w *walker) system() {
	version, ret := w.lib.SystemGetDriverVersion()
	w.print("SystemGetDriverVersion", ret, version)
	version, ret = w.lib.SystemGetNVMLVersion()
	w.print("SystemGetNVMLVersion", ret, version)
	cuda, ret := w.lib.SystemGetCudaDriverVersion()
	w.print("SystemGetCudaDriverVersion", ret, cuda)
	cuda, ret = w.lib.SystemGetCudaDriverVersion_v2()
	w.print("SystemGetCudaDriverVersion_v2", ret, cuda)
	name, ret := w.lib.SystemGetProcessName(5000)
	w.print("SystemGetProcessName", ret, name)
	w.has("SystemGetDriverVersion")
	w.has("SystemGetNVMLVersion")
	w.has("SystemGetCudaDriverVersion")
	w.has("SystemGetProcessName")
}

func (w *walker) device(device nvml.Device) {
	w.getters(device)
	w.withArguments(device)
	w.lookups(device)
	w.fields(device)
	w.events(device)
	w.gpm(device)
}

// getters calls each method of a device that takes nothing, and whose symbol the library has.
func (w *walker) getters(device nvml.Device) {
	value := reflect.ValueOf(device)
	for i := range value.NumMethod() {
		method := value.Type().Method(i)
		results := value.Method(i).Type()
		reads := strings.HasPrefix(method.Name, "Get") || strings.HasPrefix(method.Name, "Is")
		if !reads || results.NumIn() != 0 || results.NumOut() < 2 || !w.has("Device"+method.Name) {
			continue
		}
		got := value.Method(i).Call(nil)
		ret := got[len(got)-1].Interface().(nvml.Return)
		values := make([]any, 0, len(got)-1)
		for _, result := range got[:len(got)-1] {
			// A handle is an address.
			if _, isHandle := result.Interface().(nvml.Device); !isHandle {
				values = append(values, result.Interface())
			}
		}
		w.print(method.Name, ret, values...)
	}
}

func (w *walker) migDevices(device nvml.Device) {
	if !w.has("DeviceGetMigDeviceHandleByIndex") {
		return
	}
	for i := range 7 {
		mig, ret := device.GetMigDeviceHandleByIndex(i)
		if ret != nvml.SUCCESS {
			w.print(fmt.Sprintf("GetMigDeviceHandleByIndex(%d)", i), ret)
			return
		}
		fmt.Fprintf(w.out, "\n-- MIG device %d\n", i)
		w.getters(mig)
		parent, ret := mig.GetDeviceHandleFromMigDeviceHandle()
		w.print("is its parent's", ret, parent == device)
	}
}

// lookups finds the device again by its ids.
func (w *walker) lookups(device nvml.Device) {
	for _, lookup := range []struct {
		name string
		id   func() (string, nvml.Return)
		find func(string) (nvml.Device, nvml.Return)
	}{
		{"DeviceGetHandleByUUID", device.GetUUID, w.lib.DeviceGetHandleByUUID},
		{"DeviceGetHandleBySerial", device.GetSerial, w.lib.DeviceGetHandleBySerial},
		{"DeviceGetHandleByPciBusId", func() (string, nvml.Return) {
			pci, ret := device.GetPciInfo()
			return chars(pci.BusIdLegacy[:]), ret
		}, w.lib.DeviceGetHandleByPciBusId},
	} {
		w.has(lookup.name)
		id, ret := lookup.id()
		if ret != nvml.SUCCESS {
			continue
		}
		found, ret := lookup.find(id)
		w.print(lookup.name, ret, found == device)
	}
}

// fields reads all ids; NVLink's by link 1, and the sums.
func (w *walker) fields(device nvml.Device) {
	w.has("DeviceGetFieldValues")
	values := make([]nvml.FieldValue, 0, 320)
	for id := uint32(1); id < nvml.FI_MAX; id++ {
		values = append(values, nvml.FieldValue{FieldId: id, ScopeId: 1})
	}
	for id := uint32(nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX); id <= nvml.FI_DEV_NVLINK_THROUGHPUT_RAW_RX; id++ {
		values = append(values, nvml.FieldValue{FieldId: id, ScopeId: 0xFFFFFFFF})
	}
	if ret := device.GetFieldValues(values); ret != nvml.SUCCESS {
		w.print("GetFieldValues", ret)
		return
	}
	unknown := 0
	for _, value := range values {
		switch nvml.Return(value.NvmlReturn) {
		case nvml.ERROR_NOT_SUPPORTED:
		case nvml.ERROR_INVALID_ARGUMENT:
			unknown++
		default:
			w.print(fmt.Sprintf("field %d of %d", value.FieldId, int32(value.ScopeId)), nvml.Return(value.NvmlReturn),
				fmt.Sprintf("type %d value %#x", value.ValueType, binary.NativeEndian.Uint64(value.Value[:])))
		}
	}
	fmt.Fprintf(w.out, "fields that the driver does not know: %d\n", unknown)
}

func (w *walker) events(device nvml.Device) {
	w.has("DeviceRegisterEvents")
	set, ret := w.lib.EventSetCreate()
	if ret != nvml.SUCCESS {
		w.print("EventSetCreate", ret)
		return
	}
	w.print("RegisterEvents", device.RegisterEvents(nvml.EventTypeXidCriticalError, set))
	_, ret = set.Wait(0)
	w.print("EventSetWait", ret)
	w.print("EventSetFree", set.Free())
	for _, name := range []string{"EventSetCreate", "EventSetWait", "EventSetFree"} {
		w.has(name)
	}
}

// later moves the scenario's fixed clock on by two seconds while f runs.
func (w *walker) later(f func()) {
	text, err := os.ReadFile(w.scenario)
	if err != nil {
		panic(err)
	}
	replace := func(content string) {
		if err := os.WriteFile(w.scenario+".new", []byte(content), 0o600); err != nil {
			panic(err)
		}
		if err := os.Rename(w.scenario+".new", w.scenario); err != nil {
			panic(err)
		}
		time.Sleep(30 * time.Millisecond)
	}
	replace(strings.Replace(string(text), "clock fixed 100", "clock fixed 102", 1))
	f()
	replace(string(text))
}
