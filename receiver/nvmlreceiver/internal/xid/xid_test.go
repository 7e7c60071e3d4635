package xid

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

var update = flag.Bool("update", false, "rewrite golden files and docs/xid.md")

// golden compares got with the file, or writes it with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "make it with: go test -update")
	require.Equal(t, string(want), string(got), "%s is not current: run go test -update", path)
}

func TestTables(t *testing.T) {
	parsed, err := parseTables(catalogCSV, resolutionsCSV)
	require.NoError(t, err)
	used := map[Resolution]bool{}
	for code := uint64(1); code <= 176; code++ {
		e, ok := parsed.entries[code]
		require.True(t, ok, "code %d is missing", code)
		assert.NotEmpty(t, e.Advice, "code %d", code)
		assert.NotEmpty(t, SeverityText(e.Severity), "code %d", code)
		used[e.Immediate], used[e.Investigate] = true, true
	}
	assert.Len(t, parsed.entries, 176)
	for name := range parsed.resolutions {
		assert.True(t, used[name], "no code uses the resolution %s", name)
	}
}

// readable is how an entry stands in the golden file.
type readable struct {
	Entry
	Severity string
}

func lookupAll(codes []uint64) []readable {
	out := make([]readable, len(codes))
	for i, c := range codes {
		e := Lookup(c)
		out[i] = readable{Entry: e, Severity: SeverityText(e.Severity)}
	}
	return out
}

func TestImportantCodes(t *testing.T) {
	codes := []uint64{
		13, 31, 32, 38, 43, 45, 48, 61, 62, 63, 64, 69, 74, 79, 92, 94, 95, 109, 110, 119, 120, 121, 137, 140,
		143, 144, 145, 146, 147, 148, 149, 150, 154, 158, 171, 173, 0, 9999,
	}
	got, err := json.MarshalIndent(lookupAll(codes), "", "  ")
	require.NoError(t, err)
	golden(t, filepath.Join("testdata", "important.json"), append(got, '\n'))
}

func TestUnknown(t *testing.T) {
	for _, code := range []uint64{0, 177, 9999, math.MaxUint64} {
		e := Lookup(code)
		assert.False(t, e.Known())
		assert.Equal(t, code, e.Code)
		assert.Equal(t, plog.SeverityNumberError, e.Severity)
		assert.Equal(t, ResolutionNoneGiven, e.Immediate)
		assert.NotEmpty(t, e.Advice)
	}
}

func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		code       uint64
		message    string
		severity   string
		resolution Resolution
		advice     string
	}{
		{154, "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)", "FATAL", "RESET_GPU", "nvidia-smi -r"},
		{154, "GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)", "FATAL", "RESTART_BM", "restart the machine"},
		{154, "GPU recovery action changed from 0x0 (None) to 0x3 (Drain P2P)", "ERROR", "DRAIN_P2P", "over NVLink"},
		{154, "GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)", "ERROR", "DRAIN_AND_RESET", "no new work"},
		{154, "GPU recovery action changed from 0x0 (None) to 0x5 (Recover IMEX Domain)", "ERROR", "RECOVER_IMEX_DOMAIN", "nvidia-imex"},
		{154, "GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)", "INFO", "IGNORE", "Nothing"},
		{154, "GPU recovery action changed from 0x0 (None) to 0x9 (Unknown)", "WARN", "XID_154", "asks for"},
		{154, "", "WARN", "XID_154", "asks for"},
		{149, "NETIR_LINK_EVT  Fatal   XC0 i0 Link 01 (0x021425c6 0x00000000)", "FATAL", "RESET_GPU", "Drain"},
		{145, "RLW_RXPIPE Nonfatal XC0 i0 Link 13 (0x0409a0c2 0x00000008)", "WARN", "WORKFLOW_NVLINK5_ERR", "tonight"},
		{145, "", "ERROR", "WORKFLOW_NVLINK5_ERR", "Read the message"},
		{45, "Ch 00000008 caused by previous Xid 31", "WARN", "WORKFLOW_XID_45", "XID 31"},
		{45, "Ch 00000008", "WARN", "WORKFLOW_XID_45", "another XID"},
		{45, "caused by previous Xid many", "WARN", "WORKFLOW_XID_45", "another XID"},
		{79, "GPU has fallen off the bus.", "FATAL", "RESTART_BM", "restart the host"},
	} {
		e := Explain(tc.code, tc.message)
		assert.Equal(t, tc.severity, SeverityText(e.Severity), "%d %q", tc.code, tc.message)
		assert.Equal(t, tc.resolution, e.Immediate, "%d %q", tc.code, tc.message)
		assert.Contains(t, e.Advice, tc.advice, "%d %q", tc.code, tc.message)
	}
}

// TestFaultyTables: each fault that a hand can put into the tables is found, and all of them at once.
func TestFaultyTables(t *testing.T) {
	const res = "resolution,role,severity,advice\nRESET_GPU,immediate,FATAL,Reset it.\nLATER,investigate,,Later.\n"
	const head = "code,mnemonic,meaning,cause,immediate,investigate,xid_154,origin,severity,advice\n"
	for name, tc := range map[string]struct{ catalog, resolutions, want string }{
		"not a code":          {head + "x,M,Means,driver,RESET_GPU,,,catalog,,\n", res, "`code` must be a number"},
		"code too high":       {head + "65536,M,Means,driver,RESET_GPU,,,catalog,,\n", res, "`code` must be a number"},
		"code twice":          {head + "1,M,Means,driver,RESET_GPU,,,catalog,,\n1,M,Means,driver,RESET_GPU,,,catalog,,\n", res, "`code` must be unique"},
		"no mnemonic":         {head + "1,,Means,driver,RESET_GPU,,,catalog,,\n", res, "`mnemonic`"},
		"full stop":           {head + "1,M,Means.,driver,RESET_GPU,,,catalog,,\n", res, "`meaning`"},
		"cause":               {head + "1,M,Means,moon,RESET_GPU,,,catalog,,\n", res, "`cause`"},
		"unknown resolution":  {head + "1,M,Means,driver,PRAY,,,catalog,,\n", res, "`immediate`"},
		"wrong role":          {head + "1,M,Means,driver,LATER,,,catalog,,\n", res, "`immediate`"},
		"wrong role, later":   {head + "1,M,Means,driver,RESET_GPU,RESET_GPU,,catalog,,\n", res, "`investigate`"},
		"link":                {head + "1,M,Means,driver,RESET_GPU,,no,catalog,,\n", res, "`xid_154`"},
		"origin":              {head + "1,M,Means,driver,RESET_GPU,,,none,,\n", res, "`origin`"},
		"severity":            {head + "1,M,Means,driver,RESET_GPU,,,catalog,LOUD,\n", res, "`severity`"},
		"header":              {"code\n", res, "header must be"},
		"empty":               {"", res, "EOF"},
		"ragged":              {head + "1,M\n", res, "wrong number of fields"},
		"role":                {head, strings.Replace(res, "investigate", "sometimes", 1), "`role`"},
		"resolution severity": {head, strings.Replace(res, "FATAL", "", 1), "`severity`"},
		"resolution advice":   {head, strings.Replace(res, "Later.", "", 1), "`advice`"},
		"resolution twice":    {head, res + "LATER,investigate,,Later.\n", "`resolution` must be unique"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseTables(tc.catalog, tc.resolutions)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestDocs(t *testing.T) {
	golden(t, filepath.Join("..", "..", "..", "..", "docs", "xid.md"), markdown(All()))
}

func BenchmarkExplain(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Explain(154, "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)")
	}
}
