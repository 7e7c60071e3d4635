// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"os/exec"
	"path/filepath"
)

func javaProgram() (string, error) {
	path, err := exec.LookPath("java")
	if err != nil {
		return "", missingTool("java")
	}
	return path, nil
}

// javaArgs are for a short life on a small machine: one garbage collector thread, no slow optimising compiler.
func javaArgs(built, heap string) []string {
	return []string{
		"-Xms" + heap, "-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dlog4j2.disable.jmx=true",
		"-Dlog4j2.configurationFile=" + filepath.Join(built, logConfig),
	}
}
