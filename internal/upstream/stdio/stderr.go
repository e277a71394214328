package stdio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
)

const (
	stderrLine  = 4 << 10 // bytes of a line that are logged; the rest is dropped
	stderrLines = 10      // that are kept for the error of a process that ends
)

// tail logs what a process writes to stderr, line by line, and keeps the last lines.
type tail struct {
	log *slog.Logger

	mu   sync.Mutex
	kept []string
}

// read reads r to its end.
func (t *tail) read(r io.Reader) {
	in := bufio.NewReaderSize(r, stderrLine)
	for {
		line, err := in.ReadSlice('\n')
		text := string(bytes.TrimRight(line, "\r\n"))
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if strings.TrimSpace(text) != "" {
			t.add(text)
		}
		if err != nil {
			return
		}
	}
}

func (t *tail) add(line string) {
	t.log.Info("stderr", "line", line)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.kept) == stderrLines {
		t.kept = append(t.kept[:0], t.kept[1:]...)
	}
	t.kept = append(t.kept, line)
}

// last returns the last lines as one.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.kept, " | ")
}
