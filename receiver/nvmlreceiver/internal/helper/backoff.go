package helper

import "time"

const (
	firstDelay = 5 * time.Second
	maxDelay   = time.Minute
)

// backoff says when the next child may start. The first start after a child that answered, said why it ended, or was ended for
// hanging is never delayed; crashes in a row, with no answer between them, delay it by 0, 5, 10, 20, 40, 60, 60 … seconds.
type backoff struct {
	crashes int
	until   time.Time
}

func (b *backoff) lived() { *b = backoff{} }

func (b *backoff) crashed(at time.Time) {
	b.crashes++
	delay := time.Duration(0)
	for i := 1; i < b.crashes && delay < maxDelay; i++ {
		delay = min(max(2*delay, firstDelay), maxDelay)
	}
	b.until = at.Add(delay)
}

// wait is for how long a start has to wait yet; 0 or less means that it need not.
func (b *backoff) wait(now time.Time) time.Duration { return b.until.Sub(now) }
