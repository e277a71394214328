package peer_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/peer"
)

// onPipe returns a peer that writes to the other end of what is returned, and what ends it.
func onPipe(t *testing.T) (p *peer.Peer, written *os.File, end func()) {
	t.Helper()
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	silence, never, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := ours.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	p = peer.New(silence, ours, nil, peer.Options{Name: "b", Pipe: raw})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = p.Run(ctx) })
	return p, theirs, func() {
		cancel()
		_ = never.Close()
		running.Wait()
		_, _ = silence.Close(), theirs.Close()
	}
}

// TestLinesStayWholeAndInOrder: many who write at once to a pipe that is full again and again. The lines of each come
// in its order, none is torn, and nobody is left waiting, also where so much waits that those who send must wait too.
func TestLinesStayWholeAndInOrder(t *testing.T) {
	t.Parallel()
	t.Run("short", func(t *testing.T) { t.Parallel(); testOrder(t, 200, 9_000) })
	t.Run("long", func(t *testing.T) { t.Parallel(); testOrder(t, 40, 90_000) })
}

// testOrder has sixteen writers send so many lines each, of many lengths below longest.
func testOrder(t *testing.T, lines, longest int) {
	const writers = 16
	p, written, end := onPipe(t)
	defer end()
	length := func(w, n int) int { return (w + 1) * (n + 1) * 7919 % longest }
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range lines {
				line := fmt.Sprintf("%d %d %s", w, n, strings.Repeat("x", length(w, n)))
				if err := p.Send(t.Context(), []byte(line)); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	next := make([]int, writers)
	in := bufio.NewReaderSize(written, 1<<16)
	for range writers * lines {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var w, n int
		if _, err := fmt.Sscan(line, &w, &n); err != nil || n != next[w] || len(line) != len(fmt.Sprintf("%d %d ", w, n))+length(w, n)+1 {
			t.Fatalf("got %.40q of %d bytes, %v; expected line %d of its writer", line, len(line), err, next[w])
		}
		next[w]++
	}
	all.Wait()
}

// TestALongLineIsNotAwaited: who sends more than the pipe takes does not wait for the other side.
func TestALongLineIsNotAwaited(t *testing.T) {
	t.Parallel()
	p, written, end := onPipe(t)
	defer end()
	long := strings.Repeat("y", 1<<20)
	for _, line := range []string{long, "short"} {
		if err := p.Send(t.Context(), []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	in := bufio.NewReaderSize(written, 1<<16)
	for _, want := range []string{long, "short"} {
		if line, err := in.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("got %.20q of %d bytes, %v", line, len(line), err)
		}
	}
}
