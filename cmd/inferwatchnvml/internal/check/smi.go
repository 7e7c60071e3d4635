//go:build linux && cgo

package check

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// smiTimeout bounds one run of nvidia-smi.
const smiTimeout = 30 * time.Second

// identity are the properties compared as text.
var identity = []string{"name", "serial", "vbios_version", "pci.bus_id", "driver_version"}

// answers are nvidia-smi's values of one GPU, by property.
type answers map[string]string

// smi asks nvidia-smi.
type smi struct{ path string }

// gpus asks for all properties of all GPUs, by UUID. A property that this nvidia-smi does not know is left out.
func (s smi) gpus(ctx context.Context) (map[string]answers, error) {
	properties := append([]string(nil), identity...)
	for i := range readings {
		if readings[i].query != "" {
			properties = append(properties, readings[i].query)
		}
	}
	all := make(map[string]answers)
	if err := s.query(ctx, properties, all); err == nil {
		return all, nil
	}
	var last error
	for _, property := range properties {
		if err := s.query(ctx, []string{property}, all); err != nil {
			last = err
		}
	}
	if len(all) == 0 {
		return nil, last
	}
	return all, nil
}

func (s smi) query(ctx context.Context, properties []string, into map[string]answers) error {
	rows, err := s.run(ctx, "--query-gpu=uuid,"+strings.Join(properties, ","))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if len(row) != len(properties)+1 {
			return fmt.Errorf("nvidia-smi gave %d values for %d properties", len(row), len(properties)+1)
		}
		if into[row[0]] == nil {
			into[row[0]] = make(answers)
		}
		for i, property := range properties {
			into[row[0]][property] = row[i+1]
		}
	}
	return nil
}

// processes asks for the memory of each compute process in MiB, by GPU and process.
func (s smi) processes(ctx context.Context) (map[string]map[uint32]string, error) {
	rows, err := s.run(ctx, "--query-compute-apps=gpu_uuid,pid,used_memory")
	if err != nil {
		return nil, err
	}
	all := make(map[string]map[uint32]string)
	for _, row := range rows {
		if len(row) != 3 {
			return nil, fmt.Errorf("nvidia-smi gave %d values for 3 properties of a process", len(row))
		}
		pid, err := strconv.ParseUint(row[1], 10, 32)
		if err != nil {
			continue // "[N/A]", where the process is in a namespace not seen
		}
		if all[row[0]] == nil {
			all[row[0]] = make(map[uint32]string)
		}
		all[row[0]][uint32(pid)] = row[2]
	}
	return all, nil
}

func (s smi) run(ctx context.Context, query string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, smiTimeout)
	defer cancel()
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, s.path, query, "--format=csv,noheader,nounits")
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(string(out)+stderr.String()), "\n")
		return nil, errors.Join(err, errors.New(said))
	}
	return parse(out)
}

// parse reads nvidia-smi's comma-separated values.
func parse(out []byte) ([][]string, error) {
	reader := csv.NewReader(bytes.NewReader(out))
	reader.TrimLeadingSpace, reader.LazyQuotes, reader.FieldsPerRecord = true, true, -1
	rows, err := reader.ReadAll()
	for _, row := range rows {
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
	}
	return rows, err
}

// number reads a value of nvidia-smi: a number, a flag, a performance state; false for "[N/A]" and its kin.
func number(text string) (float64, bool) {
	switch text {
	case "Active", "Yes", "Enabled":
		return 1, true
	case "Not Active", "No", "Disabled":
		return 0, true
	}
	v, err := strconv.ParseFloat(strings.TrimPrefix(text, "P"), 64)
	return v, err == nil
}
