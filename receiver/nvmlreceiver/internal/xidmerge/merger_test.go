package xidmerge

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const window = 2 * time.Second

var start = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)

func id(n uint32) *uint32 { return &n }

func at(d time.Duration) time.Time { return start.Add(d) }

func nvml(code uint64) Sighting {
	return Sighting{Source: SourceNVML, GPU: "00000000:3B:00.0", Code: code, Time: at(time.Millisecond)}
}

func kernel(code uint64) Sighting {
	return Sighting{
		Source: SourceKernelLog, GPU: "00000000:3B:00.0", Code: code, Time: at(0), PID: 1234, ProcessName: "python3", Message: "text",
	}
}

// TestJoined: the report has the best of both, whichever comes first.
func TestJoined(t *testing.T) {
	n, k := nvml(94), kernel(94)
	n.GPUInstance, n.ComputeInstance = id(5), id(0)
	k.GPUInstance = id(6)
	want := Report{n}
	want.Source = SourceNVML | SourceKernelLog
	want.PID, want.ProcessName, want.Message = 1234, "python3", "text"
	for _, order := range [][2]Sighting{{n, k}, {k, n}} {
		m := New(window, 8)
		require.Empty(t, m.Offer(at(0), order[0]))
		require.Equal(t, []Report{want}, m.Offer(at(window-1), order[1]))
		require.Empty(t, m.FlushAll())
		assert.Equal(t, Stats{Joined: 1}, m.Stats())
		assert.True(t, want.Source.Has(SourceNVML) && want.Source.Has(SourceKernelLog))
	}
}

// TestJoinedFromKernelAlone: where NVML tells no time and no MIG ids, the kernel's stand.
func TestJoinedFromKernelAlone(t *testing.T) {
	n, k := nvml(94), kernel(94)
	n.Time = time.Time{}
	k.GPUInstance, k.ComputeInstance = id(6), id(1)
	m := New(window, 8)
	m.Offer(at(0), n)
	got := m.Offer(at(1), k)
	require.Len(t, got, 1)
	assert.Equal(t, at(0), got[0].Time)
	assert.Equal(t, id(6), got[0].GPUInstance)
	assert.Equal(t, id(1), got[0].ComputeInstance)
}

// TestNoDelay: with one source only, and for a sighting that can have no counterpart, nothing waits.
func TestNoDelay(t *testing.T) {
	m := New(0, 8)
	require.Equal(t, []Report{{nvml(79)}}, m.Offer(at(0), nvml(79)))
	_, waits := m.Next()
	assert.False(t, waits)

	m = New(window, 8)
	solo := kernel(79)
	solo.Solo = true
	require.Empty(t, m.Offer(at(0), nvml(79)))
	require.Equal(t, []Report{{solo}}, m.Offer(at(1), solo), "it must not take the counterpart of another")
	require.Len(t, m.Offer(at(2), kernel(79)), 1)
	assert.Equal(t, Stats{Joined: 1, Single: 1}, m.Stats())
}

// TestAlone: a sighting without counterpart is reported when its window ends, by Flush or by the next Offer.
func TestAlone(t *testing.T) {
	m := New(window, 8)
	require.Empty(t, m.Offer(at(0), kernel(119)))
	due, waits := m.Next()
	require.True(t, waits)
	assert.Equal(t, at(window), due)
	require.Empty(t, m.Flush(at(window-1)))
	require.Equal(t, []Report{{kernel(119)}}, m.Flush(at(window)))
	require.Empty(t, m.Offer(at(window), nvml(119)), "too late: it is one of its own")
	require.Equal(t, []Report{{nvml(119)}}, m.Offer(at(2*window), kernel(119)))
}

// TestTwins: two identical XIDs a second apart, seen by both, are two reports.
func TestTwins(t *testing.T) {
	m := New(window, 8)
	var reports []Report
	for _, o := range []struct {
		d time.Duration
		s Sighting
	}{{0, nvml(31)}, {time.Second, nvml(31)}, {1100 * time.Millisecond, kernel(31)}, {1200 * time.Millisecond, kernel(31)}} {
		reports = append(reports, m.Offer(at(o.d), o.s)...)
	}
	reports = append(reports, m.Flush(at(time.Hour))...)
	require.Len(t, reports, 2)
	assert.Equal(t, Stats{Joined: 2}, m.Stats())
}

// TestApart: another code or another GPU is no counterpart.
func TestApart(t *testing.T) {
	m := New(window, 8)
	other := kernel(31)
	other.GPU = "00000000:86:00.0"
	m.Offer(at(0), nvml(31))
	m.Offer(at(0), kernel(43))
	m.Offer(at(0), other)
	require.Len(t, m.Flush(at(window)), 3)
}

// TestOverflow: when too many wait, the oldest is reported at once and counted; the set never grows.
func TestOverflow(t *testing.T) {
	m := New(window, 3)
	total := 0
	for i := range 100 {
		got := m.Offer(at(0), nvml(uint64(i)))
		if i >= 3 {
			require.Len(t, got, 1)
			require.Equal(t, uint64(i-3), got[0].Code)
		}
		total += len(got)
		require.LessOrEqual(t, m.waiting.Len(), 3)
		require.LessOrEqual(t, len(m.byKey), 3)
	}
	require.Equal(t, 100, total+len(m.FlushAll()))
	assert.Equal(t, Stats{Single: 100, Overflow: 97}, m.Stats())
	require.Len(t, New(window, 0).Offer(at(0), nvml(1)), 1, "no room at all: no wait at all")
}

// truth is one XID as it happened, with the lag of either source.
type truth struct {
	gpu, code          uint8
	happened           time.Duration
	nvmlLag, kernelLag time.Duration
}

// arrival is a sighting on its way.
type arrival struct {
	when time.Duration
	s    Sighting
}

// arrivals makes both streams of the truths in the order in which they arrive.
func arrivals(truths []truth) []arrival {
	var all []arrival
	for i, tr := range truths {
		s := Sighting{GPU: fmt.Sprint(tr.gpu), Code: uint64(tr.code), Time: at(tr.happened)}
		n, k := s, s
		n.Source, k.Source, k.Message = SourceNVML, SourceKernelLog, fmt.Sprint(i)
		all = append(all, arrival{tr.happened + tr.nvmlLag, n}, arrival{tr.happened + tr.kernelLag, k})
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return int(a.when - b.when) })
	return all
}

// checkOnce runs the streams through a merger and demands one report for each truth, each joined, each kernel line once.
func checkOnce(t *testing.T, truths []truth) {
	t.Helper()
	m := New(window, 2*len(truths)+1)
	var reports []Report
	for _, a := range arrivals(truths) {
		reports = append(reports, m.Flush(at(a.when))...)
		reports = append(reports, m.Offer(at(a.when), a.s)...)
	}
	reports = append(reports, m.FlushAll()...)
	require.Len(t, reports, len(truths))
	lines := map[string]bool{}
	for _, r := range reports {
		require.Equal(t, SourceNVML|SourceKernelLog, r.Source)
		lines[r.Message] = true
	}
	require.Len(t, lines, len(truths))
	require.Equal(t, Stats{Joined: uint64(len(truths))}, m.Stats())
	require.Empty(t, m.byKey)
}

// TestAnyInterleaving is the property that the package exists for, over random truths.
func TestAnyInterleaving(t *testing.T) {
	for seed := range int64(2000) {
		r := rand.New(rand.NewSource(seed))
		truths := make([]truth, r.Intn(60))
		for i := range truths {
			truths[i] = truth{
				gpu: uint8(r.Intn(3)), code: uint8(r.Intn(3)),
				happened:  time.Duration(r.Int63n(int64(8 * window))),
				nvmlLag:   time.Duration(r.Int63n(int64(window))),
				kernelLag: time.Duration(r.Int63n(int64(window))),
			}
		}
		checkOnce(t, truths)
	}
}

// TestOneStream: what only one source sees is reported once, whole and late by the window at most.
func TestOneStream(t *testing.T) {
	m := New(window, 1000)
	n := 0
	for i := range 500 {
		n += len(m.Offer(at(time.Duration(i)*10*time.Millisecond), kernel(uint64(i%4))))
	}
	require.Equal(t, 500-int(window/(10*time.Millisecond)), n)
	require.Equal(t, 500, n+len(m.FlushAll()))
}

func FuzzInterleaving(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 10, 0, 255, 1, 10, 255, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var truths []truth
		happened := time.Duration(0)
		for ; len(data) >= 4 && len(truths) < 300; data = data[4:] {
			happened += time.Duration(data[0]) * 20 * time.Millisecond
			truths = append(truths, truth{
				gpu: data[1] & 1, code: data[1] >> 6, happened: happened,
				nvmlLag: time.Duration(data[2]) * 7 * time.Millisecond, kernelLag: time.Duration(data[3]) * 7 * time.Millisecond,
			})
		}
		checkOnce(t, truths)
	})
}

// BenchmarkOffer is a storm: both sources of one GPU, alternately.
func BenchmarkOffer(b *testing.B) {
	m := New(window, 1024)
	n, k := nvml(31), kernel(31)
	b.ReportAllocs()
	for b.Loop() {
		m.Offer(start, n)
		m.Offer(start, k)
	}
}
