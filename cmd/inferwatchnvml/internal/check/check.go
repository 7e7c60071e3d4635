//go:build linux && cgo

package check

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/fleet"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/reading"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// The exit statuses.
const (
	StatusAgree    = 0 // or nothing to compare with
	StatusDisagree = 1
	StatusNoNVML   = 2
)

const (
	interval  = time.Second
	patience  = 10 * time.Second
	sampling  = 100 * time.Millisecond
	processes = 64
)

// Main runs the check with the arguments after "check" and gives the exit status.
func Main(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("inferwatchnvml check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("library", "", "path or soname of NVML (default "+library.Soname+")")
	smiPath := flags.String("nvidia-smi", "nvidia-smi", "path of nvidia-smi")
	asJSON := flags.Bool("json", false, "write the report as JSON")
	if err := flags.Parse(arguments); err != nil {
		return StatusNoNVML
	}
	report, err := take(*path, *smiPath)
	if err != nil {
		fmt.Fprintln(stderr, "inferwatchnvml:", err)
		return StatusNoNVML
	}
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.print(stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "inferwatchnvml:", err)
		return StatusDisagree
	}
	if report.Disagreed > 0 {
		return StatusDisagree
	}
	return StatusAgree
}

// take reads everything: once to begin intervals, once before nvidia-smi and once after.
func take(path, smiPath string) (*Report, error) {
	lib, err := library.Load(path)
	if err != nil {
		return nil, fmt.Errorf("this machine has no NVML: %w", err)
	}
	if missing := lib.Symbols.Indispensable(); len(missing) > 0 {
		return nil, fmt.Errorf("this library is not NVML, it has no %v", missing)
	}
	f := fleet.New(lib, fleet.Settings{
		Options: reading.Options{Want: nvmlwire.GroupsAll, Sampling: sampling, MaxProcesses: processes},
	}, time.Now())
	defer f.Close(time.Second)
	first, err := collect(f, 1)
	if err != nil {
		return nil, err
	}
	missing := first.MissingSymbols
	time.Sleep(interval)
	second, err := collect(f, 2)
	if err != nil {
		return nil, err
	}
	report := &Report{
		Driver: second.Driver, NVML: second.NVML, CUDA: second.CUDA, Simulated: second.Simulated, Missing: missing,
		Took: second.Took, Calls: second.Calls, CallErrors: second.CallErrors,
	}
	devices, sources := clone(second.Devices), sourcesOf(f, second.Devices)
	said, running, how := ask(smiPath)
	third, err := collect(f, 3)
	if err != nil {
		return nil, err
	}
	report.SMI = how
	for i := range devices {
		report.add(&devices[i], third.Devices, sources[i], said, running)
	}
	report.judge()
	return report, nil
}

// sourcesOf names where all readings came from, before the next collection.
func sourcesOf(f *fleet.Fleet, devices []nvmlwire.Device) []map[uint32]string {
	all := make([]map[uint32]string, len(devices))
	for i := range devices {
		d := &devices[i]
		gpu := d.UUID
		if d.Parent != "" {
			gpu = d.Parent
		}
		all[i] = make(map[uint32]string, len(d.Readings))
		for _, r := range d.Readings {
			all[i][keyOf(r.ID, r.Sub)] = f.Source(gpu, d.UUID, r.ID, r.Sub)
		}
	}
	return all
}

func keyOf(id nvmlwire.ReadingID, sub uint16) uint32 { return uint32(id)<<16 | uint32(sub) }

func (r *Report) add(d *nvmlwire.Device, after []nvmlwire.Device, sources map[uint32]string, said map[string]answers, running map[string]map[uint32]string) {
	later := d
	for i := range after {
		if after[i].UUID == d.UUID {
			later = &after[i]
		}
	}
	device := Device{UUID: d.UUID, Parent: d.Parent, Name: d.Info.Name, State: d.State.String(), Detail: d.Detail, Absent: absentOf(d)}
	if d.Parent == "" {
		device.Rows = identityRows(d, r.Driver, said[d.UUID])
	}
	source := func(id nvmlwire.ReadingID, sub uint16) string { return sources[keyOf(id, sub)] }
	device.Rows = append(device.Rows, rowsOf(d, later, source, said[d.UUID])...)
	device.Rows = append(device.Rows, processRows(d, running[d.UUID])...)
	r.Devices = append(r.Devices, device)
}

func collect(f *fleet.Fleet, seq uint64) (*nvmlwire.Snapshot, error) {
	s := f.Collect(seq, patience)
	switch {
	case s == nil:
		return nil, errors.New("NVML cannot be used: " + f.Fault().Detail)
	case s.State != nvmlwire.LibraryReady:
		return nil, errors.New("NVML does not answer: " + s.Detail)
	default:
		return s, nil
	}
}

// clone keeps the readings of a collection beyond the next.
func clone(devices []nvmlwire.Device) []nvmlwire.Device {
	all := append([]nvmlwire.Device(nil), devices...)
	for i := range all {
		all[i].Readings = append([]nvmlwire.Reading(nil), all[i].Readings...)
		all[i].Absent = append([]nvmlwire.Absence(nil), all[i].Absent...)
		all[i].Processes = append([]nvmlwire.Process(nil), all[i].Processes...)
	}
	return all
}

// ask asks nvidia-smi, and says how that went.
func ask(path string) (map[string]answers, map[string]map[uint32]string, string) {
	found, err := exec.LookPath(path)
	if err != nil {
		return nil, nil, "not found (" + path + "): nothing is compared"
	}
	s := smi{found}
	ctx := context.Background()
	said, err := s.gpus(ctx)
	if err != nil {
		return nil, nil, "failed, nothing is compared: " + err.Error()
	}
	running, err := s.processes(ctx)
	if err != nil {
		return said, nil, found + ", without processes: " + err.Error()
	}
	return said, running, found
}
