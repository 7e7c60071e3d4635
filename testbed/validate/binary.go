// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const binaryTimeout = time.Minute

// validValues finds the lists in the collector's messages that have another order each time.
var validValues = regexp.MustCompile(`\(valid values: \[([^\]]*)\]\)`)

// binary is the inferwatch that has the last word.
type binary struct {
	path    string
	root    string // working directory
	storage string // INFERWATCH_STORAGE
}

// validate runs `inferwatch validate` on files merged in this order. fault is what it complains about.
func (b binary) validate(ctx context.Context, env []string, files ...string) (fault string, err error) {
	args := []string{"validate"}
	for _, file := range files {
		args = append(args, "--config", file)
	}
	output, err := b.run(ctx, env, args...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return complaint(string(output), exit), nil
	}
	return "", err
}

// run keeps this process's own environment from the binary, so that the defaults of all options are what is checked.
func (b binary) run(ctx context.Context, env []string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, binaryTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.path, args...)
	cmd.Dir = b.root
	cmd.Env = slices.Concat(env, []string{"INFERWATCH_STORAGE=" + b.storage, "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")})
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s %s: %w", b.path, strings.Join(args, " "), ctx.Err())
	}
	return output, err
}

// complaint makes one line of what the binary wrote when it failed.
func complaint(output string, exit *exec.ExitError) string {
	if _, after, found := strings.Cut(output, "Error: "); found {
		output = after
	}
	var line strings.Builder
	for text := range strings.Lines(output) {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		switch written := line.String(); {
		case written == "":
		case strings.HasSuffix(written, ":"):
			line.WriteString(" ")
		default:
			line.WriteString("; ")
		}
		line.WriteString(text)
	}
	if line.Len() == 0 {
		return exit.Error()
	}
	return validValues.ReplaceAllStringFunc(line.String(), func(list string) string {
		values := strings.Fields(validValues.FindStringSubmatch(list)[1])
		slices.Sort(values)
		return fmt.Sprintf("(valid values: %v)", values)
	})
}

// catalog is what the binary has: section, component type, and the signals (of a connector "traces-to-metrics") it works with.
type catalog map[string]map[string][]string

func (b binary) components(ctx context.Context) (catalog, error) {
	output, err := b.run(ctx, nil, "components")
	if err != nil {
		return nil, fmt.Errorf("%s components: %w", b.path, err)
	}
	var listed map[string]yaml.Node
	if err := yaml.Unmarshal(output, &listed); err != nil {
		return nil, fmt.Errorf("%s components: %w", b.path, err)
	}
	known := catalog{}
	for _, section := range sectionNames() {
		var components []struct {
			Name      string
			Stability map[string]string
		}
		node := listed[section]
		if err := node.Decode(&components); err != nil {
			return nil, fmt.Errorf("%s components: `%s`: %w", b.path, section, err)
		}
		known[section] = map[string][]string{}
		for _, component := range components {
			known[section][component.Name] = supported(component.Stability)
		}
	}
	return known, nil
}

func supported(stability map[string]string) []string {
	var signals []string
	for signal, level := range stability {
		if level != "Undefined" {
			signals = append(signals, signal)
		}
	}
	slices.Sort(signals)
	return signals
}
