package kernellog

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads the text of one kernel record. The text may carry a prefix (a dmesg time stamp, "kernel:", what a container
// runtime puts before a line) and may hold several lines, as some of the driver's messages do. It returns false for a
// text that is no event. Time, Boot, Seq, Source and Replayed are the caller's to fill in.
func Parse(text string) (Event, bool) {
	if _, after, found := strings.Cut(text, "NVRM:"); found {
		return bounded(parseNVRM(oneLine(after)))
	}
	if i := strings.Index(text, "nvidia-nvswitch"); i >= 0 {
		return bounded(parseSXID(oneLine(text[i:])))
	}
	return Event{}, false
}

// relevant says whether a text comes from the NVIDIA driver at all.
func relevant(text string) bool {
	return strings.Contains(text, "NVRM:") || strings.Contains(text, "SXid")
}

// oneLine joins the lines of a message, each of which may begin with NVRM: anew.
func oneLine(s string) string {
	if !strings.ContainsRune(s, '\n') {
		return strings.TrimSpace(s)
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(l), "NVRM:"))
	}
	return strings.TrimSpace(strings.Join(lines, " "))
}

// parseNVRM reads what follows "NVRM:".
func parseNVRM(s string) (Event, bool) {
	switch {
	case strings.HasPrefix(s, "Xid "):
		return parseXID(s)
	case strings.HasPrefix(s, "API mismatch"):
		return parseMismatch(s), true
	case strings.Contains(s, "fallen off the bus"):
		return aboutGPU(KindFallenOffBus, s), true
	case strings.HasPrefix(s, "GPU at "):
		return parseUUID(s)
	case strings.Contains(s, "RmInitAdapter failed!"):
		return aboutGPU(KindInitFailed, s), true
	case strings.HasPrefix(s, "Rate limiting"):
		return aboutGPU(KindRateLimited, s), true
	case containsFold(s, "row remap"), containsFold(s, "row-remap"), containsFold(s, "page retirement"):
		return aboutGPU(KindRowRemap, s), true
	}
	return Event{}, false
}

// parseXID reads
//
//	Xid (PCI:0000:3b:00): 79, pid=1234, name=python3, GPU has fallen off the bus.
//	Xid (PCI:0000:01:00 GPU-I:05 GPU-CI:00): 94, pid=7194, Contained: CE User Channel (0x9). RST: No, D-RST: No
//	Xid (0000:03:00): 32, Channel ID 00000001 intr 00008000
func parseXID(s string) (Event, bool) {
	e := Event{Kind: KindXID}
	rest, ok := e.header(strings.TrimPrefix(s, "Xid "))
	if !ok {
		return Event{}, false
	}
	if pid, after, found := field(rest, "pid="); found {
		rest = after
		if n, err := strconv.ParseUint(pid, 10, 32); err == nil {
			e.PID = uint32(n)
		}
	}
	if name, after, found := field(rest, "name="); found {
		rest = after
		if name != "<unknown>" {
			e.ProcessName = name
		}
	}
	e.Message = rest
	return e, true
}

// parseSXID reads
//
//	nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 egress non-posted PRIV error (First)
//
// and not the two lines of details that follow each such line under the same code: Severity ..., and Data {...}.
func parseSXID(s string) (Event, bool) {
	device, rest, found := strings.Cut(s, ": SXid ")
	if !found || strings.ContainsRune(device, ' ') {
		return Event{}, false
	}
	e := Event{Kind: KindSXID, Device: device}
	rest, ok := e.header(rest)
	e.Message = rest
	detail := strings.HasPrefix(rest, "Severity ") || strings.HasPrefix(rest, "Data {")
	return e, ok && !detail
}

// header reads "(address MIG-ids): code, " and returns what follows.
func (e *Event) header(s string) (rest string, ok bool) {
	s, opens := strings.CutPrefix(s, "(")
	inside, rest, closes := strings.Cut(s, "):")
	if !opens || !closes || inside == "" {
		return "", false
	}
	for i, part := range strings.Fields(inside) {
		if i == 0 {
			e.PCIBusID, _ = NormalizePCI(part)
		} else if id, found := strings.CutPrefix(part, "GPU-I:"); found {
			e.GPUInstance = instance(id)
		} else if id, found := strings.CutPrefix(part, "GPU-CI:"); found {
			e.ComputeInstance = instance(id)
		}
	}
	digits, rest, _ := strings.Cut(strings.TrimSpace(rest), ",")
	code, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
	e.Code = code
	return strings.TrimSpace(rest), err == nil
}

// instance reads a MIG id.
func instance(digits string) *uint32 {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return nil
	}
	id := uint32(n)
	return &id
}

// field cuts "key=value, " off the front of s; quotes around the value go.
func field(s, key string) (value, rest string, found bool) {
	after, found := strings.CutPrefix(s, key)
	if !found {
		return "", s, false
	}
	value, rest, _ = strings.Cut(after, ", ")
	return strings.Trim(strings.TrimSuffix(value, ","), "'"), strings.TrimSpace(rest), true
}

// parseUUID reads "GPU at PCI:0000:9b:00: GPU-509665ad-b600-ac93-3616-d754b23d636d".
func parseUUID(s string) (Event, bool) {
	address, uuid, found := strings.Cut(strings.TrimPrefix(s, "GPU at "), ": ")
	pci, ok := NormalizePCI(address)
	uuid = strings.TrimSpace(uuid)
	if !found || !ok || !strings.HasPrefix(uuid, "GPU-") || strings.ContainsAny(uuid, " \t") || len(uuid) > MaxProcessName {
		return Event{}, false
	}
	return Event{Kind: KindGPUUUID, PCIBusID: pci, UUID: uuid}, true
}

// parseMismatch reads, over several lines or one,
//
//	API mismatch: the client 'nvidia-smi' (pid 4711) has the version 535.129.03, but this kernel module has the version 535.104.05.
//	API mismatch: the client has the version 470.57.02, but this kernel module has the version 460.80.
//
// Where each line is a record of its own, the first, which is the event, has no or only the client's version.
func parseMismatch(s string) Event {
	e := Event{Kind: KindVersionMismatch, Message: s}
	client, module, _ := strings.Cut(s, "kernel module")
	e.ClientVersion, e.ModuleVersion = version(client), version(module)
	if _, after, found := strings.Cut(client, "the client '"); found {
		name, more, _ := strings.Cut(after, "'")
		e.ProcessName = name
		if _, pid, found := strings.Cut(more, "(pid "); found {
			digits, _, _ := strings.Cut(pid, ")")
			if n, err := strconv.ParseUint(digits, 10, 32); err == nil {
				e.PID = uint32(n)
			}
		}
	}
	return e
}

// version is the word after "the version", without the punctuation that ends it.
func version(s string) string {
	_, after, found := strings.Cut(s, "the version ")
	if !found {
		return ""
	}
	word, _, _ := strings.Cut(after, " ")
	return strings.TrimRight(word, ".,;")
}

// aboutGPU makes an event of a free text and takes the first PCI address in it.
func aboutGPU(kind Kind, s string) Event {
	e := Event{Kind: kind, Message: s}
	for _, word := range strings.Fields(s) {
		word = strings.TrimRight(word, ":,;.()")
		if strings.Count(word, ":") < 2 && !strings.Contains(word, ".") {
			continue
		}
		if pci, ok := NormalizePCI(word); ok {
			e.PCIBusID = pci
			break
		}
	}
	if _, after, found := strings.Cut(s, ": "); found && e.PCIBusID != "" && strings.HasPrefix(s, "GPU ") {
		e.Message = after
	}
	return e
}

func containsFold(s, lower string) bool { return strings.Contains(strings.ToLower(s), lower) }

// bounded cleans and cuts the texts of an event.
func bounded(e Event, ok bool) (Event, bool) {
	if !ok {
		return Event{}, false
	}
	e.Message = clean(e.Message, MaxMessage)
	for _, s := range []*string{&e.ProcessName, &e.ClientVersion, &e.ModuleVersion, &e.Device, &e.UUID} {
		*s = clean(*s, MaxProcessName)
	}
	return e, true
}

// clean makes s valid UTF-8 without control characters, of at most limit bytes.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	return strings.TrimSpace(s)
}
