package xid

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"
)

// parseSeverity reads the severity names that the tables use.
func parseSeverity(name string) (plog.SeverityNumber, error) {
	for _, s := range []plog.SeverityNumber{
		plog.SeverityNumberInfo, plog.SeverityNumberWarn, plog.SeverityNumberError, plog.SeverityNumberFatal,
	} {
		if SeverityText(s) == name {
			return s, nil
		}
	}
	return plog.SeverityNumberUnspecified, fmt.Errorf("`severity` must be INFO, WARN, ERROR or FATAL, found %q", name)
}

// SeverityText is the OpenTelemetry short name of s ("WARN"), as SeverityText of a log record wants it.
func SeverityText(s plog.SeverityNumber) string {
	switch s {
	case plog.SeverityNumberInfo:
		return "INFO"
	case plog.SeverityNumberWarn:
		return "WARN"
	case plog.SeverityNumberError:
		return "ERROR"
	case plog.SeverityNumberFatal:
		return "FATAL"
	default:
		return ""
	}
}

// severityOf grades an entry that has no severity of its own by its actions.
func severityOf(e Entry, immediate resolution) plog.SeverityNumber {
	if e.Immediate == ResolutionIgnore && e.Investigate == ResolutionIgnore {
		return plog.SeverityNumberInfo
	}
	return immediate.severity
}
