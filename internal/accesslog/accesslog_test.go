package accesslog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/accesslog"
	"onemcp/internal/trustproxy"
)

// sink is a writer that remembers each write.
type sink struct {
	mu     sync.Mutex
	writes []string
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, string(p))
	return len(p), nil
}

func (s *sink) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.writes...)
}

func line() accesslog.Line {
	return accesslog.Line{
		Time: time.Now(), Request: "a-1", Method: "POST", Path: "/mcp/\"\\ü\n", Status: 200, Bytes: 1 << 40, Duration: 1234567,
		Who: &trustproxy.Decision{
			Client: netip.MustParseAddr("203.0.113.7"), Peer: netip.MustParseAddr("::1"), Status: trustproxy.StatusVerified, Hops: 2,
			Scheme: "https", Host: "mcp.example.com:443",
		},
	}
}

// TestBothWaysSayTheSame: the line that is put together here has the members of slog's, in its order, but for the time of
// writing.
func TestBothWaysSayTheSame(t *testing.T) {
	t.Parallel()
	withSession, masked, odd := line(), line(), line()
	withSession.Session = "0a1b2c"
	masked.Mask = true
	odd.Who = &trustproxy.Decision{Client: netip.MustParseAddr(`fe80::1%a"b`), Unix: true}
	for name, l := range map[string]accesslog.Line{"plain": line(), "session": withSession, "masked": masked, "odd": odd, "nobody": {Who: new(trustproxy.Decision)}} {
		var fast, slow bytes.Buffer
		accesslog.New(slog.New(slog.NewJSONHandler(&fast, nil)), &fast).Write(&l)
		accesslog.New(slog.New(slog.NewJSONHandler(&slow, nil)), nil).Write(&l)
		a, b := decode(t, fast.Bytes()), decode(t, slow.Bytes())
		if !maps.Equal(a, b) || order(fast.String()) != order(slow.String()) {
			t.Errorf("%s:\nfast %sslow %s", name, fast.String(), slow.String())
		}
	}
}

func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if _, err := time.Parse(time.RFC3339Nano, m["time"].(string)); err != nil {
		t.Error(err)
	}
	delete(m, "time")
	return m
}

// order returns the names of the members as they come.
func order(text string) string {
	var names []string
	d := json.NewDecoder(strings.NewReader(text))
	for i := 0; ; i++ {
		token, err := d.Token()
		if err != nil {
			return strings.Join(names, " ")
		}
		if s, ok := token.(string); ok && i%2 == 1 {
			names = append(names, s)
		}
	}
}

func TestWhatWentWrongIsTold(t *testing.T) {
	t.Parallel()
	l := line()
	l.Err, l.Who.Flags = errors.New("broken"), trustproxy.Flags(trustproxy.BadHost)
	var out bytes.Buffer
	accesslog.New(slog.New(slog.NewJSONHandler(&out, nil)), &out).Write(&l)
	if got := decode(t, out.Bytes()); got["error"] != "broken" || len(got["flags"].([]any)) != 1 {
		t.Errorf("got %s", out.String())
	}
}

func TestLinesShareAWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := new(sink)
		b := accesslog.NewBuffer(out)
		for _, s := range []string{"one\n", "two\n"} {
			_, _ = b.Write([]byte(s))
		}
		if got := out.all(); len(got) != 0 {
			t.Errorf("written at once: %q", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		_, _ = b.Write([]byte("three\n"))
		b.Flush()
		if got := strings.Join(out.all(), "|"); got != "one\ntwo\n|three\n" {
			t.Errorf("got %q", got)
		}
	})
}

func TestABufferDoesNotGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := new(sink)
		b := accesslog.NewBuffer(out)
		_, _ = b.Write(make([]byte, 1<<20))
		if got := out.all(); len(got) != 1 || len(got[0]) != 1<<20 {
			t.Errorf("%d writes", len(got))
		}
	})
}

func TestOtherLinesGoOutAtOnceAndInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := new(sink)
		b := accesslog.NewBuffer(out)
		log := slog.New(b.Through(slog.NewTextHandler(b, nil))).With("a", 1).WithGroup("g")
		_, _ = b.Write([]byte("request\n"))
		log.Info("second")
		got := strings.Join(out.all(), "")
		if !strings.HasPrefix(got, "request\n") || !strings.Contains(got, "msg=second a=1") {
			t.Errorf("got %q", got)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	buffer := accesslog.NewBuffer(new(discard))
	l := accesslog.New(slog.New(slog.NewJSONHandler(buffer, nil)), buffer)
	b.ReportAllocs()
	e := line()
	for b.Loop() {
		l.Write(&e)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
