//go:build linux && cgo

package check

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Report is all that was found.
type Report struct {
	Driver     string        `json:"driver"`
	NVML       string        `json:"nvml"`
	CUDA       string        `json:"cuda"`
	Simulated  bool          `json:"simulated"`
	Missing    []string      `json:"missing_symbols,omitempty"`
	Took       time.Duration `json:"collection_ns"`
	Calls      uint64        `json:"calls"`
	CallErrors uint64        `json:"call_errors"`
	SMI        string        `json:"nvidia_smi"`
	Devices    []Device      `json:"devices"`
	Compared   int           `json:"compared"`
	Disagreed  int           `json:"disagreed"`
	Verdict    string        `json:"verdict"`
}

// Device is one GPU or MIG slice.
type Device struct {
	UUID   string   `json:"uuid"`
	Parent string   `json:"parent,omitempty"`
	Name   string   `json:"name"`
	State  string   `json:"state"`
	Detail string   `json:"detail,omitempty"`
	Rows   []Row    `json:"readings"`
	Absent []Absent `json:"absent,omitempty"`
}

// Absent is a reading that is not there, and why.
type Absent struct {
	Reading string `json:"reading"`
	Reason  string `json:"reason"`
}

func absentOf(d *nvmlwire.Device) []Absent {
	var all []Absent
	for _, a := range d.Absent {
		reason := a.Detail + " gave " + library.CodeName(a.Code)
		switch a.Code {
		case 0:
			reason = "the library has no " + a.Detail
		case nvmlwire.CodeImplausible:
			reason = a.Detail + " gave a value that cannot be"
		}
		all = append(all, Absent{nameOf(a.ID), reason})
	}
	return all
}

// judge counts and sums up.
func (r *Report) judge() {
	lost := 0
	for i := range r.Devices {
		if r.Devices[i].State != nvmlwire.StateOK.String() {
			lost++
		}
		for _, row := range r.Devices[i].Rows {
			switch row.Agrees {
			case Agrees:
				r.Compared++
			case Disagrees:
				r.Compared++
				r.Disagreed++
			case NotCompared:
			}
		}
	}
	switch {
	case r.Compared == 0:
		r.Verdict = fmt.Sprintf("%d devices read, %d of them not in order; nothing compared", len(r.Devices), lost)
	case r.Disagreed == 0:
		r.Verdict = fmt.Sprintf("%d devices read, %d of them not in order; all %d readings that nvidia-smi has agree", len(r.Devices), lost, r.Compared)
	default:
		r.Verdict = fmt.Sprintf("%d devices read, %d of them not in order; %d of %d readings that nvidia-smi has DISAGREE", len(r.Devices), lost, r.Disagreed, r.Compared)
	}
	if r.Simulated {
		r.Verdict += " (simulated: this is a stand-in for NVML, not a GPU)"
	}
}

// print writes the report for a person.
func (r *Report) print(to io.Writer) error {
	out := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	fmt.Fprintf(out, "driver %s, NVML %s, CUDA %s\n", r.Driver, r.NVML, r.CUDA)
	if r.Simulated {
		fmt.Fprintln(out, "SIMULATED: the library is a stand-in for NVML")
	}
	fmt.Fprintf(out, "a collection took %v; %d calls so far, %d of them failed\n", r.Took, r.Calls, r.CallErrors)
	if len(r.Missing) > 0 {
		fmt.Fprintf(out, "the library lacks %d functions: %v\n", len(r.Missing), r.Missing)
	}
	fmt.Fprintf(out, "nvidia-smi: %s\n", r.SMI)
	for i := range r.Devices {
		r.Devices[i].print(out)
	}
	fmt.Fprintf(out, "\n%s\n", r.Verdict)
	return out.Flush()
}

func (d *Device) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s %s: %s %s\n", d.UUID, d.Name, d.State, d.Detail)
	fmt.Fprintln(out, "reading\tvalue\tunit\tsource\tnvidia-smi\ttolerance\tagrees")
	for _, row := range d.Rows {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.Reading, row.Value, row.Unit, row.Source, row.SMI, row.Tolerance, row.Agrees)
	}
	for _, a := range d.Absent {
		fmt.Fprintf(out, "%s\tabsent\t\t%s\t\t\t\n", a.Reading, a.Reason)
	}
}
