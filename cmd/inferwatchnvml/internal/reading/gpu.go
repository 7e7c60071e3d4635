//go:build linux && cgo

package reading

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/gpm"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/process"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/sampling"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Options say what to read, and how.
type Options struct {
	Want         nvmlwire.Groups
	Sampling     time.Duration // 0: ticks do not come
	MaxProcesses int
	WSL          bool // the machine is Windows' subsystem for Linux
}

// relearnEvery is after how many collections a device is asked again for what it did not support: modes change without an event.
const relearnEvery = 100

// unsampledGap is over how long power is integrated where only collections sample it.
const unsampledGap = 2 * time.Minute

// GPU reads one GPU and its MIG slices. All of its methods are called by one thread.
type GPU struct {
	asker
	nvml    nvml.Interface
	options Options

	out         nvmlwire.Device
	sliceOuts   []*nvmlwire.Device
	info        nvmlwire.Info
	uuid        string
	collections int

	full, tick batch
	sums       [sumCount]sum
	rare       []rare
	rareAgain  bool // some could not be read just now
	links      int

	power       sampling.Power
	powerNow    bool // power was sampled in this collection
	powerOrigin Origin
	limit       float64 // W, enforced; 0 where it is not known
	energy      meterGuard
	traffic     [2]sampling.Counter
	// trafficOrigin is where a counter was read in this collection or at a tick since the last.
	trafficOrigin [2]Origin
	use           utilization

	gpm      gpm.Sampler
	gpmQuery *gpm.Query // nil until the board was asked whether it has GPM
	gpmBoard reason     // why the board has none; a zero Origin where it has
	gpmOff   reason     // why the GPU as a whole gives none; its slices may

	merger      process.Merger
	processSeen uint64
	memoryTotal uint64

	slices []*slice
}

// New makes the reader of a GPU. It asks nothing yet; Attach comes before the first Collect.
func New(lib nvml.Interface, uuid string, options Options, now time.Time) *GPU {
	g := &GPU{nvml: lib, uuid: uuid, options: options}
	g.info = nvmlwire.Info{Index: -1, Minor: -1, GPUInstance: -1, ComputeInstance: -1}
	g.gpm.NVML = lib
	g.use.begin(now)
	g.processSeen = microseconds(now.Add(-firstWindow))
	if options.Sampling == 0 {
		g.power.Longest = unsampledGap
	}
	return g
}

// Attach gives the reader to a thread, with the handle that the GPU has now: all is learned anew. halt stops a collection that nobody
// waits for any more before its next call.
func (g *GPU) Attach(device nvml.Device, meter *library.Meter, halt *atomic.Bool) {
	g.device, g.meter, g.halt, g.gpm.Meter = device, meter, halt, meter
	g.gpm.Forget()
	for _, s := range g.slices {
		s.meter, s.halt, s.gpm.Meter = meter, halt, meter
		s.gpm.Forget()
	}
	g.Relearn()
}

// Relearn makes the next collection ask for everything again.
func (g *GPU) Relearn() { g.collections = 0 }

// Collect takes all readings. The result is valid until the next call: the GPU, and its slices.
func (g *GPU) Collect(index int, now time.Time) (*nvmlwire.Device, []*nvmlwire.Device) {
	g.begin()
	g.begins(index)
	if g.collections%relearnEvery == 0 {
		g.learn()
	}
	g.collections++
	if g.rareAgain {
		g.readRare()
	}
	g.readMIG()
	g.readFields(now)
	g.readScalars()
	g.readMemory()
	g.emitPower(now)
	g.emitTraffic()
	g.emitRare()
	g.readFans()
	g.readThrottle()
	g.readRemap()
	g.readLinks()
	g.readGPM()
	g.readUtilization(now)
	g.readProcesses(now)
	g.readSlices()
	g.out.UUID, g.out.Info = g.uuid, g.info
	g.finish(&g.out)
	order(&g.out)
	if g.fatal != nvml.SUCCESS {
		g.sliceOuts = g.sliceOuts[:0]
		g.Relearn()
	}
	return &g.out, g.sliceOuts
}

// begins empties the result.
func (g *GPU) begins(index int) {
	g.out = nvmlwire.Device{Readings: g.out.Readings[:0], Absent: g.out.Absent[:0]}
	g.info.Index = index
	g.powerNow = false
}

// learn asks what the board has, and forgets what it had not.
func (g *GPU) learn() {
	g.relearn()
	g.gpm.Retry()
	g.gpmQuery, g.gpmOff = nil, reason{}
	g.use.relearn()
	g.readInfo()
	g.readRare()
	g.fill()
}

// Fatal is the code that ended the last collection, SUCCESS where nothing did.
func (g *GPU) Fatal() nvml.Return { return g.fatal }

// UUID is the GPU's.
func (g *GPU) UUID() string { return g.uuid }

// Origin tells where a reading of the last collection came from: of the GPU or of one of its slices.
func (g *GPU) Origin(uuid string, id nvmlwire.ReadingID, sub uint16) Origin {
	from := g.source
	for _, s := range g.slices {
		if s.uuid == uuid {
			from = s.source
		}
	}
	for _, s := range from {
		if s.id == id && s.sub == sub {
			return s.origin
		}
	}
	return Origin{}
}

// Release frees what NVML keeps for this reader, and drops the handles. Attach comes before the next Collect.
func (g *GPU) Release() {
	g.gpm.Close()
	for _, s := range g.slices {
		s.gpm.Close()
	}
	g.slices = g.slices[:0]
	g.device = nil
}

// order puts readings in order of ID and Sub.
func order(d *nvmlwire.Device) {
	slices.SortFunc(d.Readings, func(a, b nvmlwire.Reading) int {
		return cmp.Compare(uint32(a.ID)<<16|uint32(a.Sub), uint32(b.ID)<<16|uint32(b.Sub))
	})
}

func microseconds(t time.Time) uint64 { return uint64(max(t.UnixMicro(), 0)) }

// FatalCall is the call that gave Fatal.
func (g *GPU) FatalCall() library.Call { return g.fatalCall }
