//go:build linux && cgo

package reading

import "time"

// meterGuard tells a meter's readings from garbage: energy grows no faster than ten times the board's limit, and one that fell was
// reset since the last reading, so that it stands no higher than that allows.
type meterGuard struct {
	last        uint64 // mJ
	at          time.Time
	candidate   uint64 // refused, but the truth if what follows agrees with it
	candidateAt time.Time
	agreed      int
}

const (
	// highestPower in W bounds a board whose limit is not known.
	highestPower = 10_000
	// slack in mJ covers meters that move in steps and clocks that are not quite ours.
	slack = 1_000_000
	// agreement is how many refused readings in a row must agree with each other to be taken for the truth.
	agreement = 3
)

// accept tells whether a reading can be. watts is the board's limit, 0 where it is not known.
func (g *meterGuard) accept(millijoules uint64, watts float64, at time.Time) bool {
	if g.at.IsZero() || follows(g.last, millijoules, watts, at.Sub(g.at)) {
		*g = meterGuard{last: millijoules, at: at}
		return true
	}
	if g.agreed > 0 && millijoules >= g.candidate && follows(g.candidate, millijoules, watts, at.Sub(g.candidateAt)) {
		g.agreed++
	} else {
		g.agreed = 1
	}
	g.candidate, g.candidateAt = millijoules, at
	if g.agreed >= agreement {
		*g = meterGuard{last: millijoules, at: at}
		return true
	}
	return false
}

// follows tells whether a reading can come after another.
func follows(before, now uint64, watts float64, after time.Duration) bool {
	limit := uint64(powerCeiling(watts)*1000*max(after.Seconds(), 0)) + slack
	if now < before {
		return now <= limit
	}
	return now-before <= limit
}

// powerCeiling in W is above what a board can draw for even a moment.
func powerCeiling(limit float64) float64 {
	if limit <= 0 {
		return highestPower
	}
	return 10 * limit
}
