package remote

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestNobodyReadsABodyThatIsClosed, not even who was reading it then: its memory is somebody else's as soon as wait returns.
func TestNobodyReadsABodyThatIsClosed(t *testing.T) {
	t.Parallel()
	for range 200 {
		p := payload{text: []byte(strings.Repeat("x", 1<<10))}
		var others sync.WaitGroup
		for range 2 {
			r := p.open()
			others.Go(func() {
				for piece := make([]byte, 16); ; {
					if _, err := r.Read(piece); err != nil {
						return
					}
				}
			})
			others.Go(func() { _ = r.Close() })
			others.Go(func() { _ = r.Close() })
		}
		p.wait()
		clear(p.text)
		others.Wait()
	}
}

func TestABodyMayBeReadAgainFromItsStart(t *testing.T) {
	t.Parallel()
	p := payload{text: []byte("body")}
	first := p.open()
	half := make([]byte, 2)
	if _, err := io.ReadFull(first, half); err != nil {
		t.Fatal(err)
	}
	again, err := p.reopen()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(again); string(got) != "body" || err != nil {
		t.Errorf("again: %q, %v", got, err)
	}
	if got, err := io.ReadAll(first); string(got) != "dy" || err != nil {
		t.Errorf("the rest: %q, %v", got, err)
	}
	_ = first.Close()
	_ = again.Close()
	if _, err := first.Read(half); err != http.ErrBodyReadAfterClose {
		t.Errorf("after the end: %v", err)
	}
	p.wait()
}
