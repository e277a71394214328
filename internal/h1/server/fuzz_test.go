package server_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzAClientCannotTellWhoServesIt sends the same bytes to our server and to that of net/http.
func FuzzAClientCannotTellWhoServesIt(f *testing.F) {
	for _, raw := range odd {
		f.Add([]byte(raw))
		f.Add([]byte(post("/x", "abc") + raw + of("/")))
	}
	ours, theirs := unixSocket(f, newServer(standard(routes["/tell"]))), unixSocket(f, standard(routes["/tell"]))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 2000 {
			return // it may be closed before all is sent
		}
		got, want := replies(t, ours, string(raw)), replies(t, theirs, string(raw))
		if !slices.Equal(got, want) {
			t.Errorf("%q: got\n%s\nwanted\n%s", raw, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// unixSocket serves a socket that never runs out of ports.
func unixSocket(f *testing.F, s accepting) string {
	dir, err := os.MkdirTemp("", "s") // whose name is short enough
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		f.Fatal(err)
	}
	run(f, s, l)
	return path
}

// replies returns all that comes to a client that sends raw and no more.
func replies(t *testing.T, path, raw string) (lines []string) {
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, nc)
	_, _ = io.WriteString(c, raw)
	_ = nc.(*net.UnixConn).CloseWrite()
	for {
		line, ok := c.told("")
		if strings.Contains(line, io.ErrUnexpectedEOF.Error()) {
			line = unkeptLine(line) // we say that we close after a body that was cut
		}
		if lines = append(lines, line); !ok {
			return lines
		}
	}
}
