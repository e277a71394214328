package peer

import (
	"context"
	"log/slog"
)

// noiseText is how much of a stray line is logged.
const noiseText = 200

// noise reports what the other side sends that is no message: the first in full, then each
// tenfold number, then the sum, so that a talkative server cannot fill the log.
type noise struct {
	log   *slog.Logger
	count int
	next  int
}

func (n *noise) add(what string, line []byte) {
	n.count++
	if n.count < n.next {
		return
	}
	n.next = n.count * 10
	n.log.LogAttrs(context.Background(), slog.LevelWarn, "the backend sent "+what+", which was skipped",
		slog.String("line", string(clone(line, noiseText))), slog.Int("skipped", n.count),
		slog.String("hint", "only messages belong on stdout; what else the server says belongs on stderr"))
}

// sum reports the total if not all was reported.
func (n *noise) sum() {
	if n.count > 1 {
		n.log.Warn("lines of the backend that were no messages", "skipped", n.count)
	}
}
