package peer_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/peer"
)

// A rig is a peer with the test at the other end of its streams.
type rig struct {
	*peer.Peer
	t     *testing.T
	up    *recorder
	lines *bufio.Reader // what the peer writes
	to    io.WriteCloser
	log   *bytes.Buffer
	stop  context.CancelFunc
	ended chan error
}

// inBubble runs a test with a rig in a synctest bubble, and ends the rig.
func inBubble(t *testing.T, o peer.Options, test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		in, to := io.Pipe()
		from, out := io.Pipe()
		r := &rig{t: t, up: &recorder{}, lines: bufio.NewReader(from), to: to, log: &bytes.Buffer{}, ended: make(chan error, 1)}
		o.Name = "test"
		o.Log = slog.New(slog.NewTextHandler(r.log, nil))
		r.Peer = peer.New(in, out, r.up, o)
		ctx, cancel := context.WithCancel(context.Background())
		r.stop = cancel
		go func() { r.ended <- r.Run(ctx) }()
		test(r)
		cancel()
		_ = from.Close()
		_ = to.Close()
		synctest.Wait()
	})
}

// a started call.
type started struct {
	up     *recorder
	cancel context.CancelCauseFunc
	done   chan struct{}
	m      mcp.Message
	err    error
}

// call starts a call and reads it at the other end.
func (r *rig) call(id uint64, method string, owner any) *started {
	c := r.start(id, method, owner)
	if line := r.read(); !strings.HasPrefix(line, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,`, id)) {
		r.t.Errorf("sent %s", line)
	}
	return c
}

func (r *rig) start(id uint64, method string, owner any) *started {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &started{up: &recorder{}, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.m, c.err = r.Call(ctx, peer.Request{ID: id, Method: method, Body: mcp.AppendRequest(nil, id, method, nil), Owner: owner}, c.up)
	}()
	synctest.Wait()
	return c
}

func (r *rig) read() string {
	line, err := r.lines.ReadString('\n')
	if err != nil {
		r.t.Fatalf("reading what the peer wrote: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// send sends lines to the peer and waits until they are taken in.
func (r *rig) send(lines ...string) {
	for _, line := range lines {
		if _, err := io.WriteString(r.to, line+"\n"); err != nil {
			r.t.Fatal(err)
		}
	}
	synctest.Wait()
}

// result waits for an answer that must be of the kind Result.
func (c *started) result(t *testing.T) string {
	t.Helper()
	<-c.done
	if c.err != nil || c.m.Kind != mcp.Result {
		t.Errorf("got %s, %v", c.m.Raw, c.err)
		return ""
	}
	return string(c.m.Bytes(c.m.Result))
}

func (c *started) failed(t *testing.T, kind fault.Kind) {
	t.Helper()
	<-c.done
	if c.err == nil || fault.KindOf(c.err) != kind {
		t.Errorf("got %s, %v; wanted a fault of kind %v", c.m.Raw, c.err, kind)
	}
}

// recorder is a Handler that keeps what it gets.
type recorder struct {
	mu      sync.Mutex
	got     []string
	answers []func([]byte)
	onNote  func()
}

func (h *recorder) Notify(m *mcp.Message) {
	h.mu.Lock()
	h.got = append(h.got, string(m.Raw))
	h.mu.Unlock()
	if h.onNote != nil {
		h.onNote()
	}
}

func (h *recorder) Ask(m *mcp.Message, answer func([]byte)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, string(m.Raw))
	h.answers = append(h.answers, answer)
}

// take returns what has come since the last take.
func (h *recorder) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := strings.Join(h.got, "\n")
	h.got = nil
	return got
}
