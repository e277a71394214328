package h1

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// TestHeadersAreThereAsLongAsTheySay: those of an answer that nobody reads on are kept, and those of a success with a body are
// gone with it, before the memory is that of another answer.
func TestHeadersAreThereAsLongAsTheySay(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status, body int
		_, _ = fmt.Sscanf(r.URL.RawQuery, "%d+%d", &status, &body)
		w.Header().Set("X-Asked", r.URL.RawQuery)
		w.Header().Set("Content-Type", "text/"+r.URL.RawQuery)
		w.WriteHeader(status)
		_, _ = w.Write(make([]byte, body))
	}))
	defer s.Close()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	tr := New(Options{Address: to.Host, Dial: new(net.Dialer).DialContext, Idle: time.Minute, MaxIdle: 9, MaxHeader: 1 << 10})
	defer tr.CloseIdleConnections()
	ask := func(query string) *Answer {
		to.RawQuery = query
		head, err := NewHead(http.MethodGet, to, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := tr.Do(context.Background(), &Request{Head: head})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Get("X-Asked"); got != query || a.Type != "text/"+query {
			t.Errorf("before the body: %q, %q, wanted %q", got, a.Type, query)
		}
		_, _ = io.Copy(io.Discard, a)
		_ = a.Close()
		return a
	}
	for query, after := range map[string]string{"200+9": "", "200+0": "200+0", "307+0": "307+0", "404+9": "404+9", "201+9": "201+9"} {
		a := ask(query)
		ask("200+77")
		if got := a.Get("X-Asked"); got != after || a.Type != "text/"+query {
			t.Errorf("%s: after the body: %q, %q", query, got, a.Type)
		}
	}
	if len(tr.idle) != 1 {
		t.Errorf("%d connections were used", len(tr.idle))
	}
}
