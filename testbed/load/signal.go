// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// Signal is what kind of telemetry the items are.
type Signal string

const (
	Logs    Signal = "logs"
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
)

// coding is how a signal travels by OTLP: where to, and as which bytes.
type coding struct {
	path   string // HTTP
	method string // gRPC
	encode func(*batch) ([]byte, error)
	decode func([]byte) error // of the answer; nil means that all items were taken
}

func codings() map[Signal]coding {
	return map[Signal]coding{
		Logs: {
			path:   "/v1/logs",
			method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
			encode: func(b *batch) ([]byte, error) { return plogotlp.NewExportRequestFromLogs(b.logs()).MarshalProto() },
			decode: func(body []byte) error {
				answer := plogotlp.NewExportResponse()
				err := answer.UnmarshalProto(body)
				return taken(err, answer.PartialSuccess().RejectedLogRecords(), answer.PartialSuccess().ErrorMessage())
			},
		},
		Traces: {
			path:   "/v1/traces",
			method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
			encode: func(b *batch) ([]byte, error) {
				return ptraceotlp.NewExportRequestFromTraces(b.traces()).MarshalProto()
			},
			decode: func(body []byte) error {
				answer := ptraceotlp.NewExportResponse()
				err := answer.UnmarshalProto(body)
				return taken(err, answer.PartialSuccess().RejectedSpans(), answer.PartialSuccess().ErrorMessage())
			},
		},
		Metrics: {
			path:   "/v1/metrics",
			method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
			encode: func(b *batch) ([]byte, error) {
				return pmetricotlp.NewExportRequestFromMetrics(b.metrics()).MarshalProto()
			},
			decode: func(body []byte) error {
				answer := pmetricotlp.NewExportResponse()
				err := answer.UnmarshalProto(body)
				return taken(err, answer.PartialSuccess().RejectedDataPoints(), answer.PartialSuccess().ErrorMessage())
			},
		},
	}
}

// taken makes an error of an answer that refuses some of the items. Which ones, OTLP does not say, so none counts as accepted.
func taken(err error, rejected int64, message string) error {
	if err != nil || rejected == 0 {
		return err
	}
	return fmt.Errorf("%d items of the batch were refused: %s", rejected, message)
}
