package front_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"onemcp/internal/fault"
	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
)

// loglines hands on each line that is written to it.
type loglines chan []byte

func (l loglines) Write(p []byte) (int, error) {
	l <- append([]byte(nil), p...)
	return len(p), nil
}

// TestTheAccessLogTellsOfPours how much of the answer went out, and why not all of it.
func TestTheAccessLogTellsOfPours(t *testing.T) {
	t.Parallel()
	body := `{"jsonrpc":"2.0","id":1,"result":"` + strings.Repeat("x", 100<<10) + `"}`
	for name, tt := range map[string]struct{ stream, breaks bool }{
		"a body":                {},
		"a body that breaks":    {breaks: true},
		"into a stream":         {stream: true},
		"into a stream, broken": {stream: true, breaks: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := make(loglines, 9)
			o := front.Options{Log: slog.New(slog.NewJSONHandler(lines, nil))}
			r := newPourRig(t, o, func(ctx context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
				if tt.stream {
					st.Send(note("1"))
				}
				to := st.(gateway.Pourer).Pour(ctx, -1, false)
				_, _ = io.WriteString(to, body)
				if tt.breaks {
					return gateway.Answer{}, fault.New(fault.Unavailable, "as asked")
				}
				return gateway.Answer{}, to.Close()
			})
			resp := newClient(t, r.listen(t)).postModernPour()
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if broken := tt.breaks && !tt.stream; broken == (err == nil) { // a stream ends with the error
				t.Errorf("the body ends with %v", err)
			}
			var line struct {
				Status, Bytes int
				Error         any
			}
			text := receive(t, lines, "the line")
			if err := json.Unmarshal(text, &line); err != nil {
				t.Fatal(err)
			}
			if line.Status != http.StatusOK || tt.breaks == (line.Error == nil) || line.Bytes < len(body) || !tt.breaks && line.Bytes != len(got) {
				t.Errorf("%d bytes have come: %s", len(got), text)
			}
		})
	}
}
