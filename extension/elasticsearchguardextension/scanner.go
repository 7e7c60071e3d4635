// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"bytes"
	"encoding/json"
)

// scanner reads JSON in place. It does not check what it passes over any further than it must to find the end of it. Once it is
// bad it stays so, and everything that it returns is empty.
type scanner struct {
	data []byte
	pos  int
	bad  bool
}

// peek returns the next byte that is not space, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// enter steps over the given byte.
func (s *scanner) enter(c byte) bool {
	if s.bad || s.peek() != c {
		s.bad = true
		return false
	}
	s.pos++
	return true
}

// key steps to the value of the next key of an object; more is false at the end of the object.
func (s *scanner) key(first bool) (key []byte, more bool) {
	if !s.next(first, '}') {
		return nil, false
	}
	key = s.str()
	return key, s.enter(':')
}

// element steps to the next element of an array and returns false at the end of the array.
func (s *scanner) element(first bool) bool {
	return s.next(first, ']')
}

func (s *scanner) next(first bool, end byte) bool {
	if s.bad {
		return false
	}
	if s.peek() == end {
		s.pos++
		return false
	}
	if !first {
		return s.enter(',')
	}
	return true
}

// str returns the content of a string. It points into the data unless there are escapes in it.
func (s *scanner) str() []byte {
	if !s.enter('"') {
		return nil
	}
	rest := s.data[s.pos:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		s.bad = true
		return nil
	}
	if bytes.IndexByte(rest[:end], '\\') >= 0 {
		return s.escaped()
	}
	s.pos += end + 1
	return rest[:end]
}

// escaped reads the rest of a string with escapes in it.
func (s *scanner) escaped() []byte {
	start := s.pos - 1
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case '\\':
			s.pos++
		case '"':
			s.pos++
			var text string
			if json.Unmarshal(s.data[start:s.pos], &text) != nil {
				s.bad = true
			}
			return []byte(text)
		}
		s.pos++
	}
	s.bad = true
	return nil
}

// integer returns a number without sign, fraction and exponent; anything else counts as 0.
func (s *scanner) integer() int {
	if c := s.peek(); c < '0' || c > '9' {
		s.skip()
		return 0
	}
	start, n := s.pos, 0
	s.skip()
	for _, c := range s.data[start:s.pos] {
		if c < '0' || c > '9' || n > 1<<20 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// skip steps over a value of any kind.
func (s *scanner) skip() {
	depth := 0
	for !s.bad {
		switch c := s.peek(); c {
		case '"':
			s.str()
		case '{', '[':
			depth++
			s.pos++
		case '}', ']':
			depth--
			s.pos++
		case ',', ':':
			s.bad = depth == 0
			s.pos++
		case 0:
			s.bad = true
		default:
			s.literal()
		}
		if depth <= 0 {
			s.bad = s.bad || depth < 0
			return
		}
	}
}

// literal steps over a number, true, false or null.
func (s *scanner) literal() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ',', ':', '}', ']', ' ', '\n', '\t', '\r', '"', '{', '[':
			return
		}
		s.pos++
	}
}
