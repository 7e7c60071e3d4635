// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpuevent

import (
	"fmt"
	"strings"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/xid"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/xidmerge"
)

// FromXID explains an XID.
func FromXID(r xidmerge.Report, gpu GPU) Event {
	entry := xid.Explain(r.Code, r.Message)
	var body strings.Builder
	fmt.Fprintf(&body, "XID %d on %s: %s.", r.Code, gpu, entry.Meaning)
	if who := process(r.PID, r.ProcessName); who != "" {
		fmt.Fprintf(&body, " Process %s was on it.", who)
	}
	body.WriteString(" " + entry.Advice)
	name := entry.Mnemonic
	if name == "" {
		name = entry.Meaning
	}
	return Event{
		Name: XID, Time: r.Time, Severity: entry.Severity, Body: body.String(), GPU: gpu, Source: source(r.Source),
		Action: Action(entry.Immediate), XIDCode: r.Code, XIDName: name, PID: r.PID, Executable: r.ProcessName, Message: r.Message,
	}
}

func process(pid uint32, name string) string {
	switch {
	case pid != 0 && name != "":
		return fmt.Sprintf("%s (%d)", name, pid)
	case pid != 0:
		return fmt.Sprint(pid)
	}
	return name
}

func source(s xidmerge.Sources) Source {
	switch {
	case s.Has(xidmerge.SourceNVML | xidmerge.SourceKernelLog):
		return SourceBoth
	case s.Has(xidmerge.SourceKernelLog):
		return SourceKernel
	}
	return SourceNVML
}
