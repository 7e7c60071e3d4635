// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	full   = flag.Bool("full", false, "every case, each outage 60 s; else the short form")
	report = flag.String("report", "", "append the table to this file")
)

func TestDirect(t *testing.T) { runAll(t, false, direct()) }

func TestKafka(t *testing.T) { runAll(t, true, withKafka()) }

func runAll(t *testing.T, withKafka bool, cases []disaster) {
	timing := timing{rate: 40, before: 2 * time.Second, down: 8 * time.Second, after: 3 * time.Second, patience: 90 * time.Second}
	if *full {
		timing.rate, timing.patience = 100, 4*time.Minute
		timing.before, timing.down, timing.after = 5*time.Second, 60*time.Second, 10*time.Second
	}
	s := startSystem(t, timing, withKafka)
	var rows []row
	for _, c := range cases {
		if *full || c.short {
			t.Run(c.name, func(t *testing.T) { rows = append(rows, s.run(t, c)...) })
		}
	}
	var table strings.Builder
	if err := writeTable(&table, rows); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	if *report != "" {
		appendTo(t, *report, table.String())
	}
}

func appendTo(t *testing.T, path, text string) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text + "\n"); err != nil {
		t.Fatal(err)
	}
}
