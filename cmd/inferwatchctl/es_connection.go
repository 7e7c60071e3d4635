// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inferwatch/inferwatch/internal/elasticsearch"
)

const (
	envURL      = "INFERWATCH_ELASTICSEARCH_URL"
	envUser     = "INFERWATCH_ELASTICSEARCH_USER"
	envPassword = "INFERWATCH_ELASTICSEARCH_PASSWORD"
	envAPIKey   = "INFERWATCH_ELASTICSEARCH_API_KEY"

	defaultURL = "http://127.0.0.1:9200"
)

const connectionHelp = `
Secrets are read from files or from the environment, never from the command line, where other users of the machine can
see them. A flag counts before its variable:
  INFERWATCH_ELASTICSEARCH_URL       --url
  INFERWATCH_ELASTICSEARCH_USER      --user
  INFERWATCH_ELASTICSEARCH_PASSWORD  the content of --password-file
  INFERWATCH_ELASTICSEARCH_API_KEY   the content of --api-key-file (base64 of id:key, as Elasticsearch gives it)`

// connection is what the flags and the environment say about reaching a cluster.
type connection struct {
	url, user, passwordFile, apiKeyFile, caFile string
	insecure                                    bool
	timeout                                     time.Duration
}

func (c *connection) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.url, "url", "", "address of Elasticsearch (default "+defaultURL+")")
	flags.StringVar(&c.user, "user", "", "user for basic authentication")
	flags.StringVar(&c.passwordFile, "password-file", "", "file that holds the user's password")
	flags.StringVar(&c.apiKeyFile, "api-key-file", "", "file that holds an API key")
	flags.StringVar(&c.caFile, "ca-file", "", "PEM file with the authorities to trust instead of the system's")
	flags.BoolVar(&c.insecure, "insecure-skip-verify", false, "trust any certificate (for tests)")
	flags.DurationVar(&c.timeout, "timeout", 30*time.Second, "limit for each request")
}

// client reads secrets and certificates. Every fault in flags and variables is a usage error; all are reported at once.
func (c *connection) client(cmd *cobra.Command, getenv func(string) string) (*elasticsearch.Client, error) {
	cfg := elasticsearch.ClientConfig{User: firstOf(c.user, getenv(envUser))}
	var faults []error
	var err error
	if cfg.Password, err = secret(c.passwordFile, "--password-file", getenv(envPassword)); err != nil {
		faults = append(faults, err)
	}
	if cfg.APIKey, err = secret(c.apiKeyFile, "--api-key-file", getenv(envAPIKey)); err != nil {
		faults = append(faults, err)
	}
	if err = c.address(&cfg, getenv(envURL)); err != nil {
		faults = append(faults, err)
	}
	if c.timeout <= 0 {
		faults = append(faults, fmt.Errorf("--timeout must be greater than 0, found %v", c.timeout))
	}
	if cfg.Password != "" && cfg.User == "" {
		faults = append(faults, errors.New("a password is given without a user: give --user too"))
	}
	if cfg.HTTP, err = c.httpClient(); err != nil {
		faults = append(faults, err)
	}
	if len(faults) == 0 {
		client, err := elasticsearch.NewClient(cfg)
		if err == nil {
			return client, nil
		}
		faults = append(faults, err)
	}
	return nil, &usageError{err: errors.Join(faults...), command: cmd.CommandPath()}
}

// address takes the URL from the flag or the variable. The collector's exporter allows user and password in the latter, so
// that it is taken apart here instead of being refused; the flag may not hold them.
func (c *connection) address(cfg *elasticsearch.ClientConfig, fromEnv string) error {
	cfg.URL = firstOf(c.url, fromEnv, defaultURL)
	if c.url != "" || fromEnv == "" {
		_, err := elasticsearch.ParseURL(cfg.URL)
		return err
	}
	u, err := url.Parse(fromEnv)
	if err != nil || u.User == nil {
		_, err = elasticsearch.ParseURL(fromEnv)
		return err
	}
	if cfg.User == "" {
		cfg.User = u.User.Username()
		cfg.Password, _ = u.User.Password()
	}
	u.User = nil
	cfg.URL = u.String()
	_, err = elasticsearch.ParseURL(cfg.URL)
	return err
}

func (c *connection) httpClient() (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.insecure} // #nosec G402 -- asked for by a flag
	if c.caFile != "" {
		pem, err := os.ReadFile(c.caFile)
		if err != nil {
			return nil, fmt.Errorf("--ca-file cannot be read: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca-file %s holds no PEM certificate", c.caFile)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{Transport: transport, Timeout: c.timeout}, nil
}

func secret(file, flag, fromEnv string) (string, error) {
	if file == "" {
		return fromEnv, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", flag, err)
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		return "", fmt.Errorf("%s %s is empty", flag, file)
	}
	return text, nil
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
