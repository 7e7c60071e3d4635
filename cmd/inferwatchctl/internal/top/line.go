// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// style is how a piece of text stands out.
type style uint8

const (
	plain style = iota
	bold
	dim
	warning
	alarm
	inverse
)

// escape is the SGR sequence of a style.
func (s style) escape() string {
	switch s {
	case bold:
		return "\x1b[1m"
	case dim:
		return "\x1b[2m"
	case warning:
		return "\x1b[33m"
	case alarm:
		return "\x1b[1;31m"
	case inverse:
		return "\x1b[7m"
	}
	return ""
}

// piece is text in one style.
type piece struct {
	text  string
	style style
}

// line is one line of the terminal.
type line []piece

func (l *line) add(text string, s style) { *l = append(*l, piece{text, s}) }

func (l line) width() int {
	n := 0
	for _, p := range l {
		n += utf8.RuneCountInString(p.text)
	}
	return n
}

// render cuts the line to width and writes it, without blanks at its end.
func (l line) render(width int, color bool) string {
	var b strings.Builder
	for i, left := 0, width; i < len(l) && left > 0; i++ {
		text := shorten(l[i].text, left)
		left -= utf8.RuneCountInString(text)
		if escape := l[i].style.escape(); color && escape != "" {
			text = escape + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	return strings.TrimRight(b.String(), " ")
}

// list puts pieces one after another as long as they fit into width, and says how many did not.
func list(head string, items []piece, separator string, width int) line {
	l := line{{head, plain}}
	for i, item := range items {
		if i > 0 {
			l.add(separator, plain)
		}
		more, rest := "", len(items)-i-1
		if rest > 0 {
			more = fmt.Sprintf("%s… %d more", separator, rest)
		}
		if l.width()+utf8.RuneCountInString(item.text+more) > width && i > 0 {
			l[len(l)-1].text += fmt.Sprintf("… %d more", rest+1)
			return l
		}
		l = append(l, item)
	}
	return l
}

// wrap breaks text between words into lines of at most width.
func wrap(text string, s style, width int) []line {
	var lines []line
	var current string
	for _, word := range strings.Fields(text) {
		switch next := current + " " + word; {
		case current == "":
			current = word
		case utf8.RuneCountInString(next) > width:
			lines = append(lines, line{{current, s}})
			current = "  " + word
		default:
			current = next
		}
	}
	return append(lines, line{{current, s}})
}
