// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/outbox"
)

// logsReceiver hands the events of the core to the logs pipeline.
type logsReceiver struct {
	lifecycle
	set  receiver.Settings
	next consumer.Logs
	obs  *receiverhelper.ObsReport

	outbox *outbox.Outbox
}

func newLogsReceiver(held held, set receiver.Settings, next consumer.Logs) (receiver.Logs, error) {
	obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, ReceiverCreateSettings: set})
	if err != nil {
		held.release()
		return nil, err
	}
	held.core.wantLogs()
	return &logsReceiver{lifecycle: lifecycle{held: held}, set: set, next: next, obs: obs}, nil
}

// Start begins to deliver events.
func (r *logsReceiver) Start(ctx context.Context, host component.Host) error {
	core := r.held.core
	return r.start(ctx, host, func() error {
		r.outbox = outbox.New(outbox.Settings{Deliver: r.deliver, Lost: r.lost, Logger: r.set.Logger})
		go r.outbox.Run(context.WithoutCancel(ctx))
		core.deliverTo(r.outbox)
		return nil
	})
}

// Shutdown makes the events that still wait, and delivers what it can within ctx.
func (r *logsReceiver) Shutdown(ctx context.Context) error {
	return r.shutdown(ctx, func() error {
		core := r.held.core
		core.hub.Hasten()
		defer core.deliverTo(nil)
		return r.outbox.Shutdown(ctx)
	})
}

// deliver makes one batch of records anew for each attempt: a consumer may change what it gets.
func (r *logsReceiver) deliver(ctx context.Context, items []outbox.Item) error {
	ld := plog.NewLogs()
	scope := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().SetVersion(r.set.BuildInfo.Version)
	scope.LogRecords().EnsureCapacity(len(items))
	for i := range items {
		items[i].WriteTo(scope.LogRecords().AppendEmpty(), items[i].Observed)
	}
	ctx = r.obs.StartLogsOp(ctx)
	err := r.next.ConsumeLogs(ctx, ld)
	r.obs.EndLogsOp(ctx, "", len(items), err)
	return err
}

func (r *logsReceiver) lost(items []outbox.Item, reason outbox.Reason) {
	for i := range items {
		source := lossNVML
		if items[i].Source == gpuevent.SourceKernel {
			source = lossKernel
		}
		r.held.core.telemetry.lost(source, string(reason), 1)
	}
}
