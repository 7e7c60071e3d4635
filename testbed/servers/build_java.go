// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const pluginDescriptor = `description=%[1]s
name=%[1]s
classname=%[2]s
version=%[3]s
elasticsearch.version=%[3]s
java.version=17
`

// buildKafka fills lib with the broker and what it needs; nothing of ours has to be compiled.
func buildKafka(ctx context.Context, source, out string) error {
	if err := copyDependencies(ctx, source, filepath.Join(out, "lib")); err != nil {
		return err
	}
	return copyFile(filepath.Join(source, logConfig), filepath.Join(out, logConfig))
}

// buildElasticsearch lays out what a node needs: server and launcher are its class path, home is its path.home, where each module
// is loaded by a class loader of its own. A node keeps its data elsewhere, so that all nodes share this folder.
func buildElasticsearch(ctx context.Context, source, out string) error {
	jars := filepath.Join(source, "jars")
	server, modules := filepath.Join(out, "server"), filepath.Join(out, "home", "modules")
	netty, restFront := filepath.Join(modules, "transport-netty4"), filepath.Join(modules, "rest-front")
	for _, dir := range []string{server, netty, restFront, filepath.Join(out, "home", "plugins")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := copyDependencies(ctx, source, jars); err != nil {
		return err
	}
	version, err := sortJars(jars, server, netty)
	if err != nil {
		return err
	}
	if err := describe(netty, "org.elasticsearch.transport.netty4.Netty4Plugin", version); err != nil {
		return err
	}
	if err := describe(restFront, "inferwatch.testbed.elasticsearch.RestFrontPlugin", version); err != nil {
		return err
	}
	classes := filepath.Join(source, "classes")
	if err := compile(ctx, filepath.Join(source, "restfront"), server, classes); err != nil {
		return err
	}
	if err := command(ctx, source, nil, "jar", "cf", filepath.Join(restFront, "rest-front.jar"), "-C", classes, "."); err != nil {
		return err
	}
	if err := compile(ctx, filepath.Join(source, "launcher"), server, filepath.Join(out, "launcher")); err != nil {
		return err
	}
	return copyFile(filepath.Join(source, logConfig), filepath.Join(out, logConfig))
}

// copyDependencies lets Maven fetch what the pom.xml in source names, with all that it needs in turn.
func copyDependencies(ctx context.Context, source, to string) error {
	return command(ctx, source, nil, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+to)
}

// sortJars moves the jars of the transport module to netty and all others to server; it returns Elasticsearch's version.
func sortJars(jars, server, netty string) (version string, err error) {
	entries, err := os.ReadDir(jars)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		name, to := entry.Name(), server
		if strings.HasPrefix(name, "netty-") || strings.HasPrefix(name, "transport-netty4-") {
			to = netty
		}
		if number, ok := strings.CutPrefix(name, "elasticsearch-"); ok && number[0] >= '0' && number[0] <= '9' {
			version = strings.TrimSuffix(number, ".jar")
		}
		if err := copyFile(filepath.Join(jars, name), filepath.Join(to, name)); err != nil {
			return "", err
		}
	}
	if version == "" {
		return "", fmt.Errorf("no elasticsearch-<version>.jar in %s", jars)
	}
	return version, nil
}

// describe writes the descriptor by which a node recognises a module. A module's name must not begin with "test-".
func describe(module, class, version string) error {
	text := fmt.Sprintf(pluginDescriptor, filepath.Base(module), class, version)
	return os.WriteFile(filepath.Join(module, "plugin-descriptor.properties"), []byte(text), 0o644)
}

func compile(ctx context.Context, source, jars, classes string) error {
	files, err := filepath.Glob(filepath.Join(source, "*.java"))
	if err != nil {
		return err
	}
	args := []string{"--release", "17", "-nowarn", "-Xlint:-deprecation", "-cp", filepath.Join(jars, "*"), "-d", classes}
	return command(ctx, source, nil, "javac", append(args, files...)...)
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
