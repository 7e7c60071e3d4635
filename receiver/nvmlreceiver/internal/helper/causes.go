package helper

import (
	"regexp"
	"strings"
	"sync"

	"go.uber.org/zap"
)

// causeLimit bounds the causes that are told apart.
const causeLimit = 16

// causes logs each cause of a helper's end once, so that one that ends at every collection does not fill the log. The snapshot of
// each collection carries the cause in any case.
type causes struct {
	log *zap.Logger

	mu   sync.Mutex
	seen map[string]struct{}
	more int // ends not logged, as there were causeLimit other causes before
}

var varying = regexp.MustCompile(`0x[0-9a-fA-F]+|[0-9]+`)

// report logs an end, unless one of the same cause was logged. Causes are the same when their first lines are, but for numbers.
func (c *causes) report(exit, stderr, detail string) {
	first, _, _ := strings.Cut(stderr, "\n")
	key := varying.ReplaceAllString(exit+"\n"+first, "#")
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.seen[key]; known {
		return
	}
	if len(c.seen) == causeLimit {
		if c.more++; c.more == 1 {
			c.log.Warn(Name+" ended for more causes than are told apart; further ones are not logged", zap.Int("causes", causeLimit))
		}
		return
	}
	if c.seen == nil {
		c.seen = make(map[string]struct{}, causeLimit)
	}
	c.seen[key] = struct{}{}
	c.log.Warn(detail)
}
