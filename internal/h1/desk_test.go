package h1

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAKeptConnectionHoldsNoBuffers, for there may be a great many; what it was used for last is gone too.
func TestAKeptConnectionHoldsNoBuffers(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer s.Close()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	head, err := NewHead(http.MethodPost, to, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := New(Options{Address: to.Host, Dial: new(net.Dialer).DialContext, Idle: time.Minute, MaxIdle: 9, MaxHeader: 1 << 10})
	defer tr.CloseIdleConnections()
	for _, text := range []string{"one", "", "three"} {
		if got := post(t, tr, head, text); got != text {
			t.Errorf("sent %q, got %q", text, got)
		}
		if len(tr.idle) != 1 {
			t.Fatalf("%d connections are kept", len(tr.idle))
		}
		if c := tr.idle[0]; c.desk != nil || c.visits.text != nil {
			t.Errorf("after %q the connection keeps %+v and %q", text, c.desk, c.visits.text)
		}
	}
}

func post(t *testing.T, tr *Transport, head *Head, text string) string {
	t.Helper()
	a, err := tr.Do(context.Background(), &Request{Head: head, Body: []byte(text), Reading: new(sync.WaitGroup)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(a)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	return string(got)
}

// TestAStreamThatWaitsHasASmallBuffer, for there may be as many as connections, and they wait for hours.
func TestAStreamThatWaitsHasASmallBuffer(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one")
		_ = http.NewResponseController(w).Flush() // with the head
		<-more
		_, _ = io.WriteString(w, strings.Repeat("x", 3*fewBytes))
	}))
	defer s.Close()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	head, err := NewHead(http.MethodGet, to, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := New(Options{Address: to.Host, Dial: new(net.Dialer).DialContext, Idle: time.Minute, MaxIdle: 9, MaxHeader: 1 << 10})
	defer tr.CloseIdleConnections()
	a, err := tr.Do(context.Background(), &Request{Head: head})
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 3)
	if _, err := io.ReadFull(a, first); err != nil || string(first) != "one" {
		t.Fatalf("got %q, %v", first, err)
	}
	if n := a.c.r.Size(); n != fewBytes {
		t.Errorf("a buffer of %d bytes waits", n)
	}
	close(more)
	if rest, err := io.ReadAll(a); err != nil || len(rest) != 3*fewBytes {
		t.Errorf("got %d more bytes, %v", len(rest), err)
	}
	_ = a.Close()
	if len(tr.idle) != 1 || tr.idle[0].desk != nil {
		t.Errorf("kept %+v", tr.idle)
	}
}
