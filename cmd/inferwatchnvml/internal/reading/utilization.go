//go:build linux && cgo

package reading

import (
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/sampling"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// sampleKinds are NVML's buffers of samples, and the readings that they are.
var sampleKinds = [...]struct {
	kind nvml.SamplingType
	id   nvmlwire.ReadingID
}{
	{nvml.GPU_UTILIZATION_SAMPLES, nvmlwire.UtilizationGPU},
	{nvml.MEMORY_UTILIZATION_SAMPLES, nvmlwire.UtilizationMemory},
	{nvml.ENC_UTILIZATION_SAMPLES, nvmlwire.UtilizationEncoder},
	{nvml.DEC_UTILIZATION_SAMPLES, nvmlwire.UtilizationDecoder},
}

const (
	// firstWindow is the interval of the first collection: the driver's buffers hold more, from before.
	firstWindow = time.Second
	// farthest is how far ahead of our clock a sample may be: one beyond it would hide all that follow.
	farthest    = 24 * time.Hour
	wholeShare  = 100
	rateSamples = 2 // of sampleKinds, those that nvmlDeviceGetUtilizationRates gives too
)

// utilization is what is kept for utilisation between collections.
type utilization struct {
	seen [len(sampleKinds)]uint64 // µs, the newest sample seen
	// rates are nvmlDeviceGetUtilizationRates at ticks, where the buffers give nothing; poll asks for that.
	rates [rateSamples]sampling.Mean
	poll  bool
}

func (u *utilization) begin(now time.Time) {
	for i := range u.seen {
		u.seen[i] = microseconds(now.Add(-firstWindow))
	}
}

func (u *utilization) relearn() { u.poll = false }

// readUtilization reports the mean of all samples since the last collection. Buffers are empty on some drivers while the GPU idles, and
// not there on others: then it is what was sampled in between, or else what is now.
func (g *GPU) readUtilization(now time.Time) {
	if !g.options.Want.Has(nvmlwire.GroupUtilization) {
		return
	}
	latest := microseconds(now.Add(farthest))
	for i := range sampleKinds {
		if share, ok := g.samples(i, latest); ok {
			g.gauge(&g.out, Origin{Call: library.CallSamples}, sampleKinds[i].id, 0, share)
		}
	}
	g.readRates()
	if !g.read(nvmlwire.UtilizationEncoder) && g.may(library.CallEncoderUtilization, 0, nvmlwire.UtilizationEncoder) {
		v, _, ret := g.device.GetEncoderUtilization()
		g.engine(library.CallEncoderUtilization, nvmlwire.UtilizationEncoder, v, ret)
	}
	if !g.read(nvmlwire.UtilizationDecoder) && g.may(library.CallDecoderUtilization, 0, nvmlwire.UtilizationDecoder) {
		v, _, ret := g.device.GetDecoderUtilization()
		g.engine(library.CallDecoderUtilization, nvmlwire.UtilizationDecoder, v, ret)
	}
	g.emitGPMUtilization()
}

// samples gives the mean of one buffer since it was read last. go-nvml returns as many samples as the library announced, and the
// library may fill in fewer: those without a time are none.
func (g *GPU) samples(i int, latest uint64) (float64, bool) {
	const call = library.CallSamples
	id := sampleKinds[i].id
	if !g.may(call, i, id) {
		return 0, false
	}
	kind, samples, ret := g.device.GetSamples(sampleKinds[i].kind, g.use.seen[i])
	if !g.done(call, i, id, ret) {
		return 0, false
	}
	var mean sampling.Mean
	seen, refused := g.use.seen[i], false
	for s := range samples {
		at := samples[s].TimeStamp
		if at <= g.use.seen[i] || at > latest {
			continue
		}
		n, ok := decode(kind, samples[s].SampleValue)
		if !ok || !n.within(0, wholeShare) {
			refused = true
			continue
		}
		seen = max(seen, at)
		mean.Add(n.float / wholeShare)
	}
	g.use.seen[i] = seen
	if refused {
		g.implausible(Origin{Call: call}, id)
	}
	return mean.Take()
}

// readRates falls back on the rates, which a tick asks for from now on.
func (g *GPU) readRates() {
	g.use.poll = !g.read(nvmlwire.UtilizationGPU) || !g.read(nvmlwire.UtilizationMemory)
	gpu, polled := g.use.rates[0].Take()
	memory, _ := g.use.rates[1].Take()
	if !g.use.poll {
		return
	}
	if !polled {
		if !g.pollRates() {
			g.use.poll = g.use.poll && g.learned[library.CallUtilizationRates][0] == 0 && g.meter.Symbols.Has(library.CallUtilizationRates)
			return
		}
		gpu, _ = g.use.rates[0].Take()
		memory, _ = g.use.rates[1].Take()
	}
	origin := Origin{Call: library.CallUtilizationRates}
	if !g.read(nvmlwire.UtilizationGPU) {
		g.gauge(&g.out, origin, nvmlwire.UtilizationGPU, 0, gpu)
	}
	if !g.read(nvmlwire.UtilizationMemory) {
		g.gauge(&g.out, origin, nvmlwire.UtilizationMemory, 0, memory)
	}
}

// pollRates takes one sample of the rates.
func (g *GPU) pollRates() bool {
	const call = library.CallUtilizationRates
	if !g.may(call, 0, nvmlwire.UtilizationGPU) {
		g.absent(nvmlwire.UtilizationMemory, g.why[nvmlwire.UtilizationGPU])
		return false
	}
	rates, ret := g.device.GetUtilizationRates()
	if !g.done(call, 0, nvmlwire.UtilizationGPU, ret) {
		g.absent(nvmlwire.UtilizationMemory, g.why[nvmlwire.UtilizationGPU])
		return false
	}
	if rates.Gpu > wholeShare || rates.Memory > wholeShare {
		g.implausible(Origin{Call: call}, nvmlwire.UtilizationGPU)
		g.absent(nvmlwire.UtilizationMemory, g.why[nvmlwire.UtilizationGPU])
		return false
	}
	g.use.rates[0].Add(float64(rates.Gpu) / wholeShare)
	g.use.rates[1].Add(float64(rates.Memory) / wholeShare)
	return true
}

func (g *GPU) engine(call library.Call, id nvmlwire.ReadingID, percent uint32, ret nvml.Return) {
	if !g.done(call, 0, id, ret) {
		return
	}
	if percent > wholeShare {
		g.implausible(Origin{Call: call}, id)
		return
	}
	g.gauge(&g.out, Origin{Call: call}, id, 0, float64(percent)/wholeShare)
}
