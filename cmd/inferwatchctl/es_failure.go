// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/inferwatch/inferwatch/internal/elasticsearch"
)

const privilegeHint = "they need the cluster privileges monitor and manage_index_templates"

// explain turns a fault of a request into one line that says what, where and what to do.
func explain(client *elasticsearch.Client, timeout fmt.Stringer, err error) error {
	var certificate *tls.CertificateVerificationError
	var transport *url.Error
	var network net.Error
	switch {
	case err == nil:
		return nil
	case elasticsearch.IsStatus(err, http.StatusUnauthorized):
		return fmt.Errorf("the credentials are not known to Elasticsearch at %s: check --user and --password-file, or --api-key-file: %w", client.URL(), err)
	case elasticsearch.IsStatus(err, http.StatusForbidden):
		return fmt.Errorf("the credentials are not enough for Elasticsearch at %s: %s: %w", client.URL(), privilegeHint, err)
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case errors.As(err, &certificate):
		return fmt.Errorf("the certificate of %s is not trusted: give --ca-file: %w", client.URL(), certificate.Err)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s does not speak TLS: is it http:// instead?", client.URL())
	case errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("no answer from Elasticsearch at %s within %v (--timeout)", client.URL(), timeout)
	case errors.As(err, &transport):
		return fmt.Errorf("cannot reach Elasticsearch at %s: %w: is it running there, and is --url right?", client.URL(), transport.Err)
	}
	return err
}
