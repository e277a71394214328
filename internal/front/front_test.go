package front_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/secret"
)

// Messages lie in buffers that are used again: none may change while it is served.
func TestAMessageStaysAsItIsWhileItIsServed(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{})
	r.gateway.serve["test/echo"] = func(_ context.Context, _ *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
		st.Send(note("first"))
		runtime.Gosched()
		return result(m, string(m.Bytes(m.Params))), nil
	}
	url := r.listen(t)
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() {
			c := newClient(t, url)
			c.open()
			for i := range 50 {
				params := fmt.Sprintf(`{"text":"%s","n":"%d.%d"}`, strings.Repeat("y", 10*i), n, i)
				resp := c.post(t.Context(), fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"test/echo","params":%s}`, i, params))
				want := fmt.Sprintf(`data: {"jsonrpc":"2.0","id":%d,"result":%s}`, i, params)
				if got := read(t, resp); !strings.Contains(got, want) {
					t.Errorf("got %s\nwant %s", got, want)
				}
			}
		})
	}
	clients.Wait()
}

func TestTheLogTellsCausesAndNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := newRig(t, front.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, gateway.Setup{})
	serve := func(target, session, body string) *httptest.ResponseRecorder {
		w, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Host = "localhost"
		req.Header.Set("Mcp-Session-Id", session)
		r.front.ServeHTTP(w, req)
		return w
	}
	session := serve("/mcp?password=hunter2", "", hello).Header().Get("Mcp-Session-Id")
	serve("/mcp", session, `{"jsonrpc":"2.0","id":1,"method":"test/fail","params":{"name":"unavailable"}}`)
	serve("/messages?sessionId=hunter3", "hunter4", "{}")
	got := log.String()
	for _, hidden := range []string{session, "hunter"} {
		if strings.Contains(got, hidden) {
			t.Errorf("the log shows %s:\n%s", hidden, got)
		}
	}
	for _, fact := range []string{
		"session=" + secret.Hash(session),
		"method=POST path=/mcp status=200 bytes=", "error.kind=unavailable", `error.cause="` + io.ErrNoProgress.Error(),
		"path=/messages status=404",
	} {
		if !strings.Contains(got, fact) {
			t.Errorf("the log does not show %s:\n%s", fact, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 3 {
		t.Errorf("%d lines for 3 requests:\n%s", n, got)
	}
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{Ready: func() bool { return false }}, gateway.Setup{})
	for path, want := range map[string]int{"/health": 503, "/health/ready": 503, "/health/live": 200} {
		w := httptest.NewRecorder()
		r.front.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestAPanicInAStreamBreaksTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{})
	r.gateway.serve["test/later"] = func(_ context.Context, _ *gateway.Client, _ *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
		st.Send(note("begun"))
		panic("as asked")
	}
	c := newClient(t, r.listen(t))
	c.open()
	resp := c.post(t.Context(), later)
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the body looks whole: %q", body)
	}
}

func TestTheSessionLimitIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{})
	c := newClient(t, r.listen(t))
	for range 100 {
		c.session = ""
		c.open()
	}
	resp := c.post(t.Context(), hello)
	if body := read(t, resp); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "the limit of 100 sessions is reached") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

func TestThePageEscapesWhatItShows(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{}, gateway.Setup{Backends: []gateway.Spec{{Name: `<script>x`, Identity: "x", Disabled: true}}})
	w, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	req.Host = "localhost"
	req.Header.Set("Accept", "text/html")
	r.front.ServeHTTP(w, req)
	if body := w.Body.String(); strings.Contains(body, "<script") || !strings.Contains(body, "&lt;script&gt;x") {
		t.Errorf("got %s", body)
	}
}
