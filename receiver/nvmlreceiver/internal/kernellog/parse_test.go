package kernellog

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite golden files")

// parsed is one line of a golden file: what the kernel wrote, in the escapes of /dev/kmsg, and what Parse made of it.
type parsed struct {
	Line  string `json:"line"`
	Event *Event `json:"event"`
}

func TestParseGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "parse", "*.txt"))
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			var all []parsed
			for line := range strings.Lines(string(raw)) {
				p := parsed{Line: strings.TrimSuffix(line, "\n")}
				if e, ok := Parse(unescape(p.Line)); ok {
					p.Event = &e
				}
				assert.Equal(t, filepath.Base(file) != "none.txt", p.Event != nil, p.Line)
				all = append(all, p)
			}
			got, err := json.MarshalIndent(all, "", "  ")
			require.NoError(t, err)
			golden(t, strings.TrimSuffix(file, ".txt")+".json", append(got, '\n'))
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "make it with: go test -update")
	require.Equal(t, string(want), string(got), "%s is not current: run go test -update", path)
}

func TestNormalizePCI(t *testing.T) {
	for in, want := range map[string]string{
		"PCI:0000:3b:00": "00000000:3B:00.0", "0000:3b:00.0": "00000000:3B:00.0", "00000000:3B:00.0": "00000000:3B:00.0",
		"3b:00": "00000000:3B:00.0", "0002:00": "00000000:02:00.0", "0009:01:00.4": "00000009:01:00.4",
		"10000:3b:1f.7": "00010000:3B:1F.7", "": "", "PCI:": "", "0:0:0:0": "", "x:y:z": "", "0000:3b:20": "", "0000:100:00": "",
		"0000:3b:00.8": "", "0000:3b:-1": "", "100000000:3b:00": "", "0000:3b:00.": "", "0x0:0x1:0x2": "",
	} {
		got, ok := NormalizePCI(in)
		assert.Equal(t, want, got, in)
		assert.Equal(t, want != "", ok, in)
	}
}

// TestBounds: nothing in an event is longer than promised, nor cut within a rune.
func TestBounds(t *testing.T) {
	long := strings.Repeat("é", MaxMessage)
	e, ok := Parse("NVRM: Xid (PCI:0000:3b:00): 79, pid=1, name=" + long + ", " + long)
	require.True(t, ok)
	checkBounds(t, e)
	assert.Greater(t, len(e.Message), MaxMessage-3)
	assert.Greater(t, len(e.ProcessName), MaxProcessName-3)
}

func checkBounds(t *testing.T, e Event) {
	t.Helper()
	require.LessOrEqual(t, len(e.Message), MaxMessage)
	for _, s := range []string{e.ProcessName, e.Device, e.UUID, e.ClientVersion, e.ModuleVersion} {
		require.LessOrEqual(t, len(s), MaxProcessName)
		require.True(t, utf8.ValidString(s))
	}
	require.True(t, utf8.ValidString(e.Message))
	require.NotContains(t, e.Message, "\n")
	if e.PCIBusID != "" {
		again, ok := NormalizePCI(e.PCIBusID)
		require.True(t, ok)
		require.Equal(t, e.PCIBusID, again)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "parse", "*.txt"))
	require.NoError(f, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		for line := range strings.Lines(string(raw)) {
			f.Add(unescape(line))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, ok := Parse(text)
		if !ok {
			require.Equal(t, Event{}, e)
			return
		}
		require.NotEmpty(t, e.Kind)
		checkBounds(t, e)
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Parse("NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python3, GPU has fallen off the bus.")
	}
}

func BenchmarkParseOther(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Parse("usb 1-1: new high-speed USB device number 2 using xhci_hcd, as most lines of a kernel log are of no interest")
	}
}
