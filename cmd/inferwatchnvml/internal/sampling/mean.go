package sampling

// Mean is the mean of what was added since it was taken last.
type Mean struct {
	sum float64
	n   int
}

// Add adds one sample.
func (m *Mean) Add(v float64) { m.sum += v; m.n++ }

// Take gives the mean and starts anew; false where nothing was added.
func (m *Mean) Take() (float64, bool) {
	if m.n == 0 {
		return 0, false
	}
	mean := m.sum / float64(m.n)
	*m = Mean{}
	return mean, true
}
