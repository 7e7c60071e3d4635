// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/inferwatch/inferwatch/cmd/inferwatchctl/internal/top"
)

const (
	// These are the variables with which configs/standalone.yaml moves its pages.
	envPage          = "INFERWATCH_PROMETHEUS"
	envTelemetryHost = "INFERWATCH_METRICS_HOST"
	envTelemetryPort = "INFERWATCH_METRICS_PORT"

	defaultPage          = "127.0.0.1:9464"
	defaultTelemetryHost = "127.0.0.1"
	defaultTelemetryPort = "8888"

	// widthElsewhere is the width of a table that does not go to a terminal, unless COLUMNS says otherwise.
	widthElsewhere = 120
	leastWidth     = 60
)

type topOptions struct {
	url, telemetryURL string
	once, noColor     bool
	interval, timeout time.Duration
	gpus              []string
}

const topHelp = `Show what each GPU does now: utilisation, memory, power, clocks, what holds its clocks down, errors, MIG slices, and the
processes and pods on it. It reads what inferwatch serves with configs/standalone.yaml, and talks to no driver itself.

A reading that the board does not give is a -, which is not 0. XIDs are those since inferwatch's start; one that came while this
was looking tells how long ago. Rates are between the last two collections, and need a second read: --once has none.

Without --once it shows the table again and again until Ctrl-C. What does not fit the window's height is left out: processes first,
then details, then slices.

A flag counts before its variable:
  INFERWATCH_PROMETHEUS                             host:port of --url
  INFERWATCH_METRICS_HOST, INFERWATCH_METRICS_PORT  host and port of --telemetry-url
  NO_COLOR                                          --no-color
  COLUMNS                                           width of what does not go to a terminal (120)`

func newTopCommand(s streams) *cobra.Command {
	o := &topOptions{}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show what each GPU does now",
		Long:  topHelp,
		Example: "  inferwatchctl top\n" +
			"  inferwatchctl top --once --gpu 0,3\n" +
			"  inferwatchctl top --url http://node-7:9464/metrics --telemetry-url http://node-7:8888/metrics",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd, s) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.url, "url", "", "page with the metrics of the GPUs (default http://"+defaultPage+"/metrics)")
	flags.StringVar(&o.telemetryURL, "telemetry-url", "", "page with inferwatch's own metrics, which say how the NVML library is (default http://"+
		defaultTelemetryHost+":"+defaultTelemetryPort+"/metrics; none with --url)")
	flags.BoolVar(&o.once, "once", false, "write one table without escape sequences, and end")
	flags.DurationVar(&o.interval, "interval", time.Second, "time between two reads")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Second, "limit for each read")
	flags.BoolVar(&o.noColor, "no-color", false, "no colours")
	flags.StringSliceVar(&o.gpus, "gpu", nil, "only these GPUs, by index or by the first 4 or more characters of the UUID; may be repeated")
	return cmd
}

func (o *topOptions) run(cmd *cobra.Command, s streams) error {
	source, err := o.source(s.getenv)
	if err != nil {
		return &usageError{err: err, command: cmd.CommandPath()}
	}
	terminal := terminalOf(s.out)
	options := top.Options{
		Read: source.Read, Size: func() (int, int) { return sizeOf(terminal, s.getenv) }, Now: time.Now, GPUs: o.gpus, Interval: o.interval,
		View: top.View{Color: !o.noColor && s.getenv("NO_COLOR") == "", Bars: true, Unicode: hasUnicode(s.getenv)},
	}
	defer source.Client.CloseIdleConnections()
	if o.once {
		return interrupted(top.Once(cmd.Context(), s.out, options))
	}
	if terminal == nil || s.getenv("TERM") == "dumb" {
		err := errors.New("the output is no terminal that can be redrawn: give --once")
		return &usageError{err: err, command: cmd.CommandPath()}
	}
	return interrupted(top.Live(cmd.Context(), s.out, options))
}

// source says where to read. Every fault is reported.
func (o *topOptions) source(getenv func(string) string) (top.Source, error) {
	page := "http://" + firstOf(getenv(envPage), defaultPage) + "/metrics"
	telemetry := "http://" + net.JoinHostPort(firstOf(getenv(envTelemetryHost), defaultTelemetryHost), firstOf(getenv(envTelemetryPort), defaultTelemetryPort)) + "/metrics"
	if o.url != "" {
		// The page at the default address would be another inferwatch's.
		telemetry = ""
	}
	source := top.Source{Client: top.Client(o.timeout), Page: firstOf(o.url, page), Telemetry: firstOf(o.telemetryURL, telemetry)}
	// Without a name the address stands in its place.
	source.Hostname, _ = os.Hostname()
	var faults []error
	if !isHTTP(source.Page) {
		faults = append(faults, fmt.Errorf("--url must begin with http:// or https://, found %q", source.Page))
	}
	if source.Telemetry != "" && !isHTTP(source.Telemetry) {
		faults = append(faults, fmt.Errorf("--telemetry-url must begin with http:// or https://, found %q", source.Telemetry))
	}
	if o.interval < 100*time.Millisecond {
		faults = append(faults, fmt.Errorf("--interval must be 100ms or greater, found %v", o.interval))
	}
	if o.timeout <= 0 {
		faults = append(faults, fmt.Errorf("--timeout must be greater than 0, found %v", o.timeout))
	}
	return source, errors.Join(faults...)
}

func isHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}

// terminalOf returns the terminal behind w, or nil.
func terminalOf(w io.Writer) *os.File {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// sizeOf is asked for each frame, so that a window may change its size.
func sizeOf(terminal *os.File, getenv func(string) string) (width, height int) {
	if terminal != nil {
		if width, height, err := term.GetSize(int(terminal.Fd())); err == nil && width > 0 {
			return max(width, leastWidth), height
		}
	}
	if columns, err := strconv.Atoi(getenv("COLUMNS")); err == nil && columns > 0 {
		return max(columns, leastWidth), 0
	}
	return widthElsewhere, 0
}

// hasUnicode tells whether the locale can show block elements.
func hasUnicode(getenv func(string) string) bool {
	locale := strings.ToLower(firstOf(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")))
	return runtime.GOOS == "windows" || strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
}
