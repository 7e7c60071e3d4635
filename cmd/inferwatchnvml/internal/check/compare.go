//go:build linux && cgo

package check

import (
	"fmt"
	"math"
	"strconv"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Verdict is how a reading compares.
type Verdict string

// The verdicts.
const (
	Agrees      Verdict = "yes"
	Disagrees   Verdict = "NO"
	NotCompared Verdict = ""
)

// Row is one reading beside nvidia-smi's.
type Row struct {
	Reading   string  `json:"reading"`
	Value     string  `json:"value"`
	Unit      string  `json:"unit,omitempty"`
	Source    string  `json:"source"`
	SMI       string  `json:"nvidia_smi,omitempty"`
	Tolerance string  `json:"tolerance,omitempty"`
	Agrees    Verdict `json:"agrees,omitempty"`
}

// compare puts a reading beside nvidia-smi's value. before is the reading that was taken before nvidia-smi ran, after the one after.
func compare(k *known, before, after float64, text string) (tolerance string, verdict Verdict) {
	v, ok := number(text)
	if !ok {
		return "", NotCompared
	}
	low, high := min(before, after), max(before, after)
	allowed := k.absolute + k.relative*math.Abs(v)
	if allowed > 0 {
		tolerance = "±" + strconv.FormatFloat(allowed, 'g', 4, 64)
	}
	if v >= low-allowed && v <= high+allowed {
		return tolerance, Agrees
	}
	return tolerance, Disagrees
}

// rowsOf makes the rows of a device. after is the same device in the collection after nvidia-smi ran.
func rowsOf(d, after *nvmlwire.Device, source func(nvmlwire.ReadingID, uint16) string, said answers) []Row {
	rows := make([]Row, 0, len(d.Readings))
	for _, r := range d.Readings {
		k := knownOf(r.ID, r.Sub)
		value := k.shown(r)
		row := Row{Reading: k.name, Value: format(value), Unit: k.unit, Source: source(r.ID, r.Sub)}
		if text, ok := said[k.query]; ok && k.query != "" {
			row.SMI = text
			later := value
			if a, ok := find(after, r.ID, r.Sub); ok {
				later = k.shown(a)
			}
			row.Tolerance, row.Agrees = compare(&k, value, later, text)
		}
		rows = append(rows, row)
	}
	return rows
}

// identityRows compare what identifies the board.
func identityRows(d *nvmlwire.Device, driver string, said answers) []Row {
	ours := map[string]string{
		"name": d.Info.Name, "serial": d.Info.Serial, "vbios_version": d.Info.VBIOS, "pci.bus_id": d.Info.PCIBusID, "driver_version": driver,
	}
	var rows []Row
	for _, property := range identity {
		row := Row{Reading: property, Value: ours[property], Source: "identity", SMI: said[property]}
		switch {
		case row.SMI == "" || row.SMI[0] == '[' || row.SMI == "N/A":
		case row.SMI == row.Value:
			row.Agrees = Agrees
		default:
			row.Agrees = Disagrees
		}
		rows = append(rows, row)
	}
	return rows
}

// processRows compare the memory of processes.
func processRows(d *nvmlwire.Device, said map[uint32]string) []Row {
	const tolerance = 16 // MiB
	var rows []Row
	for i := range d.Processes {
		p := &d.Processes[i]
		row := Row{Reading: fmt.Sprintf("process %d (%s)", p.PID, p.Kind), Value: "not told", Unit: "MiB", Source: "process lists", SMI: said[p.PID]}
		if p.Memory != nvmlwire.NoMemory {
			memory := float64(p.Memory) * mebi
			row.Value = format(memory)
			row.Tolerance, row.Agrees = compare(&known{absolute: tolerance}, memory, memory, row.SMI)
		}
		rows = append(rows, row)
		if p.SM >= 0 {
			rows = append(rows, Row{
				Reading: fmt.Sprintf("process %d SM", p.PID), Value: format(p.SM * share), Unit: "%", Source: "nvmlDeviceGetProcessUtilization",
			})
		}
	}
	return rows
}

func find(d *nvmlwire.Device, id nvmlwire.ReadingID, sub uint16) (nvmlwire.Reading, bool) {
	for _, r := range d.Readings {
		if r.ID == id && r.Sub == sub {
			return r, true
		}
	}
	return nvmlwire.Reading{}, false
}

func format(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }
