package xid

import (
	"bytes"
	"fmt"
	"strings"
)

const docsHead = `# XID codes

The NVIDIA driver reports a GPU error as an XID: a number with a line of text in the kernel log. The GPU receiver turns each
into a log record and a count of ` + "`hw.errors`" + ` with ` + "`error.type=xid_<n>`" + `. This table is what it says about each code.

- Code, mnemonic and actions are NVIDIA's, from [its XID catalogue](https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html)
  in the edition that ends at code 172. Codes 173 to 176 are from the header of driver 595.45.04; NVIDIA names no action for them yet.
- Severity follows the immediate action. FATAL: the GPU cannot go on. ERROR: an application was lost, or somebody must act.
  WARN: look at it by day. INFO: know it. NVIDIA itself grades only XID 144 to 150, in the message (Fatal or Nonfatal); there, and for
  XID 154, which names the action in its message, the record follows the message.
- Cause is the first thing to check, our reading of NVIDIA's text. One code can have several causes.
- A code that is not here is reported with severity ERROR and the advice to ask NVIDIA.
- "154": the driver (from R565 to R575 on) sends an XID 154 beside it that names the recovery action.

Made from receiver/nvmlreceiver/internal/xid by ` + "`go test ./receiver/nvmlreceiver/internal/xid -update`" + `; do not edit.

| XID | meaning | mnemonic | cause | severity | at once | later | 154 | what to do |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
`

// markdown writes docs/xid.md.
func markdown(entries []Entry) []byte {
	var b bytes.Buffer
	b.WriteString(docsHead)
	for _, e := range entries {
		linked := ""
		if e.RecoveryLinked {
			linked = "yes"
		}
		cells := []string{
			fmt.Sprint(e.Code), e.Meaning, code(e.Mnemonic), string(e.Cause), SeverityText(e.Severity),
			code(string(e.Immediate)), code(string(e.Investigate)), linked, e.Advice,
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.Bytes()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
