package gpureader

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Programs are what a test runs.
type Programs struct {
	Helper  string // inferwatchnvml
	Library string // the stand-in
	Old     string // the stand-in as a driver of the 450 branch
}

// Build builds them into dir. extra are further arguments of go build, such as -race.
func Build(ctx context.Context, dir string, extra ...string) (Programs, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return Programs{}, err
	}
	p := Programs{
		Helper:  filepath.Join(dir, "inferwatchnvml"),
		Library: filepath.Join(dir, "nvmlsim", "libnvidia-ml.so.1"),
		Old:     filepath.Join(dir, "nvmlsim", "old", "libnvidia-ml.so.1"),
	}
	arguments := append([]string{"build", "-trimpath", "-ldflags=-s -w -extldflags=-Wl,-z,lazy", "-o", p.Helper}, extra...)
	build := exec.CommandContext(ctx, "go", append(arguments, "./cmd/inferwatchnvml")...)
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=1", "CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations")
	if out, err := build.CombinedOutput(); err != nil {
		return Programs{}, fmt.Errorf("building inferwatchnvml: %w\n%s", err, out)
	}
	sim := exec.CommandContext(ctx, "make", "-C", filepath.Join(root, "testbed", "nvmlsim"), "OUT="+filepath.Dir(p.Library))
	if out, err := sim.CombinedOutput(); err != nil {
		return Programs{}, fmt.Errorf("building nvmlsim: %w\n%s", err, out)
	}
	return p, nil
}
