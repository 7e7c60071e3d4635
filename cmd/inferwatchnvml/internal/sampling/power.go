package sampling

import "time"

// LongestGap is the longest time between two samples over which a 32-bit counter is unwrapped and, where power is sampled, integrated:
// over a longer one (a hung call, a suspended machine) what happened in between is not known, and nothing is made up for it.
const LongestGap = 5 * time.Second

// Power keeps the power of one GPU: its last and highest sample, and energy as the area under it.
type Power struct {
	// Longest is the longest time between two samples over which they are integrated; 0 is LongestGap.
	Longest time.Duration

	last   float64
	lastAt time.Time
	peak   float64
	peaked bool
	joules float64
}

// Add adds a sample in W.
func (p *Power) Add(watts float64, at time.Time) {
	longest := p.Longest
	if longest == 0 {
		longest = LongestGap
	}
	if gap := at.Sub(p.lastAt); !p.lastAt.IsZero() && gap > 0 && gap <= longest {
		p.joules += (p.last + watts) / 2 * gap.Seconds()
	}
	if !p.peaked || watts > p.peak {
		p.peak, p.peaked = watts, true
	}
	p.last, p.lastAt = watts, at
}

// TakePeak is the highest sample since it was taken last.
func (p *Power) TakePeak() (float64, bool) {
	peak, ok := p.peak, p.peaked
	p.peaked = false
	return peak, ok
}

// Joules is the energy since the first sample, and whether there was one.
func (p *Power) Joules() (float64, bool) { return p.joules, !p.lastAt.IsZero() }

// Last is the last sample in W.
func (p *Power) Last() float64 { return p.last }
