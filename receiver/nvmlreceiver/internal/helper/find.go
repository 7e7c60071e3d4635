package helper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Name is the helper's file name.
const Name = "inferwatchnvml"

// howToInstall is what to do about a missing helper.
const howToInstall = "Install the inferwatch package, which has it, or build it from the collector's own release: " +
	`CGO_ENABLED=1 go install -trimpath -ldflags="-s -w -extldflags=-Wl,-z,lazy" ` +
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml@<release>; or set `helper` to its path"

// Find gives the path of inferwatchnvml: beside the collector's executable, else in $PATH. The error is for a person: it says where
// was looked and how to install it.
func Find() (string, error) {
	beside := ""
	if executable, err := os.Executable(); err == nil {
		beside = filepath.Dir(executable)
	}
	return find(beside, os.Getenv("PATH"))
}

func find(beside, path string) (string, error) {
	var refused error
	for _, folder := range append([]string{beside}, filepath.SplitList(path)...) {
		if !filepath.IsAbs(folder) {
			continue // as os/exec: what lies in the working directory is not run by accident
		}
		candidate := filepath.Join(folder, Name)
		_, err := exec.LookPath(candidate)
		if err == nil {
			return candidate, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && refused == nil {
			refused = err
		}
	}
	if refused != nil {
		return "", fmt.Errorf("no %s can be run: %w. Make the file executable for the collector's user", Name, refused)
	}
	return "", fmt.Errorf("%s is neither beside the collector's executable (%s) nor in PATH (%s). %s", Name, beside, path, howToInstall)
}

// locate gives the path of the helper to start.
func locate(configured string) (string, error) {
	if configured == "" {
		return Find()
	}
	path, err := exec.LookPath(configured)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("`helper` must be a program that the collector's user may run, found %s: %w", configured, err)
	}
	return "", fmt.Errorf("`helper` must be the path of %s, found %s: %w. %s", Name, configured, err, howToInstall)
}

// startFailure says what kept the program at path from starting.
func startFailure(path string, err error) (nvmlwire.LibraryState, string) {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return nvmlwire.LibraryHelperMissing, fmt.Sprintf("%s is no program for this kind of machine: %v. %s", path, err, howToInstall)
	case errors.Is(err, fs.ErrPermission):
		return nvmlwire.LibraryHelperMissing, fmt.Sprintf("%s may not be run: %v. See its mode, and whether its file system is mounted noexec", path, err)
	case errors.Is(err, fs.ErrNotExist):
		return nvmlwire.LibraryHelperMissing, fmt.Sprintf("%s, or the program loader that it names, is missing: %v. "+
			"It needs glibc, as NVML does; an image made on musl has none", path, err)
	}
	return nvmlwire.LibraryHelperLost, fmt.Sprintf("%s could not be started: %v. See the limits on processes, files and memory", path, err)
}
