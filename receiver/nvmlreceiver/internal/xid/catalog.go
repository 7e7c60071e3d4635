package xid

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog"
)

//go:embed catalog.csv
var catalogCSV string

//go:embed resolutions.csv
var resolutionsCSV string

// resolution is one row of resolutions.csv.
type resolution struct {
	name        Resolution
	immediate   bool // may stand as immediate action
	investigate bool // may stand as investigation
	severity    plog.SeverityNumber
	advice      string
}

type tables struct {
	entries     map[uint64]Entry
	resolutions map[Resolution]resolution
}

// load reads the embedded tables once. They are part of the program, so a fault in them is one of the program;
// TestTables finds it before anybody else does.
var load = sync.OnceValue(func() tables {
	t, err := parseTables(catalogCSV, resolutionsCSV)
	if err != nil {
		panic(fmt.Errorf("embedded XID catalogue: %w", err))
	}
	return t
})

// Lookup explains code. A code that the catalogue lacks yields an entry that says so: not Known, severity ERROR.
func Lookup(code uint64) Entry {
	t := load()
	if e, ok := t.entries[code]; ok {
		return e
	}
	unknown := t.resolutions[ResolutionNoneGiven]
	return Entry{
		Code:      code,
		Meaning:   "Code that this version's catalogue does not have",
		Cause:     CauseUnknown,
		Severity:  unknown.severity,
		Immediate: ResolutionNoneGiven,
		Advice:    "See NVIDIA's XID catalogue (docs.nvidia.com/deploy/xid-errors) for this code. " + unknown.advice,
		Origin:    OriginNone,
	}
}

// All returns every entry of the catalogue by ascending code.
func All() []Entry {
	t := load()
	all := make([]Entry, 0, len(t.entries))
	for _, e := range t.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return int(a.Code) - int(b.Code) }) //nolint:gosec // codes are below 2^16: parseEntry
	return all
}

func parseTables(catalog, resolutions string) (tables, error) {
	t := tables{entries: map[uint64]Entry{}, resolutions: map[Resolution]resolution{}}
	errResolutions := eachRow(resolutions, "resolution role severity advice", t.addResolution)
	errCatalog := eachRow(catalog, "code mnemonic meaning cause immediate investigate xid_154 origin severity advice", t.addEntry)
	return t, errors.Join(errResolutions, errCatalog)
}

// eachRow calls add with every row of a CSV table whose header must be the given column names; it reports all faults.
func eachRow(table, header string, add func(row []string) error) error {
	r := csv.NewReader(strings.NewReader(table))
	r.Comment = '#'
	first, err := r.Read()
	if err != nil {
		return err
	}
	if found := strings.Join(first, " "); found != header {
		return fmt.Errorf("the header must be %q, found %q", header, found)
	}
	var faults []error
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return errors.Join(faults...)
		}
		if err != nil {
			return errors.Join(append(faults, err)...)
		}
		if err := add(row); err != nil {
			faults = append(faults, fmt.Errorf("row %q: %w", row[0], err))
		}
	}
}

func (t tables) addResolution(row []string) error {
	name, role, severity, advice := Resolution(row[0]), row[1], row[2], row[3]
	r := resolution{name: name, advice: advice}
	switch role {
	case "immediate":
		r.immediate = true
	case "investigate":
		r.investigate = true
	case "both":
		r.immediate, r.investigate = true, true
	default:
		return fmt.Errorf("`role` must be immediate, investigate or both, found %q", role)
	}
	if r.immediate {
		var err error
		if r.severity, err = parseSeverity(severity); err != nil {
			return err
		}
	}
	if advice == "" {
		return errors.New("`advice` must not be empty")
	}
	if _, twice := t.resolutions[name]; twice {
		return errors.New("`resolution` must be unique")
	}
	t.resolutions[name] = r
	return nil
}

func (t tables) addEntry(row []string) error {
	code, err := strconv.ParseUint(row[0], 10, 16)
	if err != nil {
		return fmt.Errorf("`code` must be a number below 65536, found %q", row[0])
	}
	if _, twice := t.entries[code]; twice {
		return errors.New("`code` must be unique")
	}
	e := Entry{
		Code: code, Mnemonic: row[1], Meaning: row[2], Cause: Cause(row[3]),
		Immediate: Resolution(row[4]), Investigate: Resolution(row[5]),
		RecoveryLinked: row[6] == "yes", Origin: Origin(row[7]), Advice: row[9],
	}
	immediate := t.resolutions[e.Immediate]
	if e.Advice == "" {
		e.Advice = immediate.advice
	}
	if e.Severity, err = entrySeverity(e, immediate, row[8]); err != nil {
		return err
	}
	t.entries[code] = e
	return t.check(e, row[6])
}

func entrySeverity(e Entry, immediate resolution, own string) (plog.SeverityNumber, error) {
	if own != "" {
		return parseSeverity(own)
	}
	return severityOf(e, immediate), nil
}

// check reports what of e the tables do not allow.
func (t tables) check(e Entry, linked string) error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(e.Mnemonic == "", "`mnemonic` must not be empty")
	fault(e.Meaning == "" || strings.HasSuffix(e.Meaning, "."), "`meaning` must be a phrase without a full stop, found %q", e.Meaning)
	fault(!slices.Contains(causes(), e.Cause), "`cause` must be one of %v, found %q", causes(), e.Cause)
	fault(!t.resolutions[e.Immediate].immediate, "`immediate` must be a resolution for at once, found %q", e.Immediate)
	fault(e.Investigate != "" && !t.resolutions[e.Investigate].investigate,
		"`investigate` must be empty or a resolution for later, found %q", e.Investigate)
	fault(linked != "" && linked != "yes", "`xid_154` must be empty or yes, found %q", linked)
	fault(e.Origin != OriginCatalog && e.Origin != OriginDriver, "`origin` must be catalog or driver, found %q", e.Origin)
	return errors.Join(faults...)
}

func causes() []Cause {
	return []Cause{
		CauseApplication, CauseBus, CauseDisplay, CauseDriver, CauseFirmware, CauseHardware, CauseMemory,
		CauseNVLink, CauseOperator, CausePower, CauseThermal, CauseUnknown, CauseVirtualization,
	}
}
