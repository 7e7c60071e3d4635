// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"cmp"
	"context"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
)

const alertmanagerConfig = `route:
  receiver: nobody
receivers:
  - name: nobody
`

// Alertmanager runs alone, not as a cluster. Silences outlive a Stop; alerts, as with every Alertmanager, come again from their sender.
type Alertmanager struct {
	*child.Child
	URL string
}

// StartAlertmanager starts an Alertmanager that ends with the test.
func StartAlertmanager(tb testing.TB, opts ...Option) *Alertmanager {
	tb.Helper()
	return startForTest(tb, "alertmanager", opts, newAlertmanager)
}

func newAlertmanager(ctx context.Context, s setup) (*Alertmanager, error) {
	if err := s.prepare(ctx, 1); err != nil {
		return nil, err
	}
	config, err := s.write("alertmanager.yml", cmp.Or(s.config, alertmanagerConfig))
	if err != nil {
		return nil, err
	}
	url := "http://" + s.address(0)
	return &Alertmanager{
		Child: child.New(s.spec(filepath.Join(s.built, "alertmanager"), url+"/-/ready",
			"--config.file="+config,
			"--storage.path="+filepath.Join(s.dir, "data"),
			"--web.listen-address="+s.address(0),
			"--cluster.listen-address=",
		)),
		URL: url,
	}, nil
}
