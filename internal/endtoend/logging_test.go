package endtoend_test

import (
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// spoken returns the levels of the log messages that a call of say is told, in order.
func (c *client) spoken(tool, level string) (levels []string) {
	c.t.Helper()
	var said []byte
	for _, l := range []string{"debug", "info", "warning", "error"} {
		said = append(mcp.Quote(said, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"`+l+`","data":{"\u0061":1.0}}}`), ',')
	}
	said = mcp.Quote(said, `{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}`)
	meta := `"upstreamtest/say":[` + string(said) + `]`
	if c.era == mcp.Modern && level != "" {
		meta += `,"` + mcp.MetaLogLevel + `":"` + level + `"`
	}
	msgs, err := c.post(c.t.Context(), c.tool(c.nextID(), tool, `{}`, meta)).all()
	if err != nil || len(msgs) == 0 {
		c.t.Fatalf("%q, %v", msgs, err)
	}
	for _, msg := range msgs[:len(msgs)-1] {
		m, err := mcp.Scan(msg)
		if err != nil || m.Method != mcp.NoteMessage || part(string(m.Bytes(m.Params)), "data") != `{"\u0061":1.0}` {
			c.t.Errorf("got %s", msg)
		}
		l, _ := m.Text(mcp.FieldLevel)
		levels = append(levels, l)
	}
	return levels
}

// TestLogMessagesComeFromTheLevelThatWasAskedFor: by each session for itself, and by each modern request for itself. Nothing
// comes to a modern request that asks for no level.
func TestLogMessagesComeFromTheLevelThatWasAskedFor(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		quiet, loud := w.connect(), w.connect()
		quiet.unlogged, loud.unlogged = true, true
		for _, tt := range []struct {
			c           *client
			level, want string
		}{
			{loud, "debug", "debug info warning error"},
			{quiet, "error", "error"},
			{loud, "warning", "warning error"},
			{quiet, "alert", ""},
			{loud, "debug", "debug info warning error"},
		} {
			if w.caller == mcp.Legacy {
				if m := tt.c.ask(tt.c.request(`1`, mcp.MethodSetLevel, `"level":"`+tt.level+`"`, "")); string(m.Bytes(m.Result)) != `{}` {
					t.Errorf("setLevel: %s", m.Raw)
				}
			}
			if got := strings.Join(tt.c.spoken(w.own("echo"), tt.level), " "); got != tt.want {
				t.Errorf("from %s on: got %q", tt.level, got)
			}
		}
		if w.caller == mcp.Modern {
			if got := loud.spoken(w.own("echo"), ""); got != nil {
				t.Errorf("asked for nothing, got %v", got)
			}
		}
	}, oddAnswers)
}

// TestTheBackendIsAskedForTheLowestLevelInUse, in the way of its era; a modern one by each request.
func TestTheBackendIsAskedForTheLowestLevelInUse(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		for i, level := range []string{"error", "info", "critical"} {
			c := w.connect()
			c.unlogged = true
			mark, meta := fmt.Sprintf("call %d.", i), ""
			if w.caller == mcp.Legacy {
				c.ask(c.request(`1`, mcp.MethodSetLevel, `"level":"`+level+`"`, ""))
			} else {
				meta = `"` + mcp.MetaLogLevel + `":"` + level + `",`
			}
			c.ask(c.tool(`2`, w.own("echo"), `{}`, meta+`"mark":"`+mark+`"`))
			if w.era == mcp.Modern {
				differ(t, "the level of a request", `"`+level+`"`, part(part(part(w.heard(mark, 1), "params"), "_meta"), mcp.MetaLogLevel))
				continue
			}
			if level == "critical" && w.caller == mcp.Legacy && !w.private() {
				w.silent(`"critical"`) // another session wants more
				continue
			}
			w.heard(`"level":"`+level+`"`, 1)
		}
	})
}

// TestALevelThereIsNotIsRefused by the gateway.
func TestALevelThereIsNotIsRefused(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		if w.caller == mcp.Modern {
			t.Log("it has no setLevel")
			return
		}
		c := w.connect()
		for _, level := range []string{`"verbose"`, `"INFO"`, `1`, `null`} {
			if m := c.ask(c.request(`1`, mcp.MethodSetLevel, `"level":`+level, "")); m.ErrorCode() != mcp.CodeInvalidParams {
				t.Errorf("level %s: %s", level, m.Raw)
			}
		}
		w.silent(mcp.MethodSetLevel)
	})
}
