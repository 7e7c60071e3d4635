package gpureader

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

var programs Programs

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gpureader")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if programs, err = Build(context.Background(), dir, buildFlags...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func greeting() nvmlwire.Hello {
	return nvmlwire.Hello{Library: programs.Library, Sampling: 100 * time.Millisecond, Want: nvmlwire.GroupsAll, Events: true, MaxProcesses: 64}
}

// start starts the helper on a scenario; the test ends it, and fails if it does not end.
func start(t testing.TB, scenario string, change ...func(*nvmlwire.Hello)) *Reader {
	t.Helper()
	hello := greeting()
	for _, c := range change {
		c(&hello)
	}
	r, err := Start(context.Background(), programs.Helper, t.TempDir(), scenario, hello)
	require.NoError(t, err)
	t.Cleanup(func() {
		took, err := r.Stop()
		require.NoError(t, err, r.stderr.String())
		require.NotContains(t, r.stderr.String(), "DATA RACE")
		require.Less(t, took, endsWithin, "the end of the input ends the helper at once")
	})
	return r
}

func collect(t testing.TB, r *Reader) *nvmlwire.Snapshot {
	t.Helper()
	s, err := r.Collect(Patience)
	require.NoError(t, err)
	return s
}

// states are the states of all GPUs, slices left out.
func states(s *nvmlwire.Snapshot) []string {
	var all []string
	for i := range s.Devices {
		if s.Devices[i].Parent == "" {
			all = append(all, s.Devices[i].State.String())
		}
	}
	return all
}

func value(d *nvmlwire.Device, id nvmlwire.ReadingID, sub uint16) (nvmlwire.Reading, bool) {
	for _, r := range d.Readings {
		if r.ID == id && r.Sub == sub {
			return r, true
		}
	}
	return nvmlwire.Reading{}, false
}

// eventually collects until a snapshot is as wanted, at most n times, and gives the number of collections.
func eventually(t testing.TB, r *Reader, n int, wanted func(*nvmlwire.Snapshot) bool) (*nvmlwire.Snapshot, int) {
	t.Helper()
	var s *nvmlwire.Snapshot
	for i := range n {
		if s = collect(t, r); wanted(s) {
			return s, i + 1
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatalf("not within %d collections: %v %q", n, states(s), s.Detail)
	return nil, 0
}

// epoch is now, as a scenario has it.
func epoch() string { return fmt.Sprintf("%.3f", float64(time.Now().UnixMilli())/1000) }

func itoa(n int) string { return strconv.Itoa(n) }
