package server_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

// FuzzPiecesMakeNoDifference sends the same bytes to both servers in pieces, some of them while a request is served.
// Each byte of cuts is one piece: its length, and whether the client pauses before it.
func FuzzPiecesMakeNoDifference(f *testing.F) {
	for _, raw := range odd {
		f.Add([]byte(post("/slow", "abc")+post("/tell", "defg")+raw+of("/slow")), []byte{3, 0x80 | 70})
	}
	f.Add([]byte(post("/slow", "abc")+"\r\n"+post("/slow", "abc")+"\n\n"+of("/")), []byte{1})
	f.Add([]byte(strings.Repeat(post("/slow", "abc")+post("/", strings.Repeat("x", 300)), 3)), []byte{0x80 | 20, 127})
	f.Add([]byte(post("/slow", "abc")+chunks("/slow")+post("/", "abc")), []byte{0x80 | 9, 5})
	f.Add([]byte(strings.Replace(post("/slow", "abc"), "\r\n\r\n", "\r\nX: 1\r\n\r\n", 1)+strings.Replace(post("/slow", "abc"), "\r\n\r\n", "\r\nX: 2\r\n\r\n", 1)), []byte{20})
	f.Fuzz(func(t *testing.T, raw, cuts []byte) {
		if len(raw) > 2000 || len(cuts) == 0 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			got, want := inPieces(t, newServer(standard(lingering)), raw, cuts), inPieces(t, standard(lingering), raw, cuts)
			if !slices.Equal(got, want) {
				t.Errorf("%q in %v: got\n%s\nwanted\n%s", raw, cuts, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	})
}

// lingering tells what it sees, in some cases after a time in which the client may send more.
func lingering(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/slow" {
		time.Sleep(2 * watchAfter)
	}
	routes["/tell"](w, r)
}

// inPieces returns all that has come to a client when it has sent all and a while has passed.
func inPieces(t *testing.T, s accepting, raw, cuts []byte) (lines []string) {
	l := newPipes()
	var all sync.WaitGroup
	all.Go(func() { _ = s.Serve(l) })
	ours, theirs := net.Pipe()
	l.conns <- theirs
	var came bytes.Buffer
	all.Go(func() { _, _ = io.Copy(&came, ours) })
	for i := 0; len(raw) > 0; i++ {
		cut := cuts[i%len(cuts)]
		if cut&0x80 != 0 {
			time.Sleep(watchAfter * 3 / 2)
		}
		n := min(len(raw), max(1, int(cut&0x7f)))
		if _, err := ours.Write(raw[:n]); err != nil {
			break
		}
		raw = raw[n:]
		synctest.Wait()
	}
	time.Sleep(10 * time.Second)
	_ = ours.Close()
	_ = s.Close()
	all.Wait()
	c := &client{tb: t, r: bufio.NewReader(&came)}
	for ok := true; ok; {
		var line string
		line, ok = c.told("")
		lines = append(lines, line)
	}
	return lines
}
