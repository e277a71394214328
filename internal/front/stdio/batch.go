package stdio

import (
	"sync"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/wire"
)

// receiveBatch takes several messages in one line, each as if it had come alone. The answers come as one array.
func (f *Front) receiveBatch(line []byte) {
	msgs, err := wire.ScanBatch("line", line)
	if fault.KindOf(err) != fault.Malformed && !f.hasBatches() {
		err = errNoBatch
	}
	if err != nil {
		f.out.Push(wire.Refuse(nil, err))
		return
	}
	b := &batch{f: f, left: 1}
	for i := range msgs {
		if msgs[i].Kind == mcp.Request {
			b.expect()
			f.take(&msgs[i], b.add)
		} else {
			f.take(&msgs[i], nil)
		}
	}
	b.add(nil)
}

// hasBatches reports whether the session is of the one version that has batches.
func (f *Front) hasBatches() bool {
	c := f.legacy()
	return c != nil && c.Meta.Version == mcp.Version20250326
}

// batch gathers the answers to several requests.
type batch struct {
	f *Front

	mu      sync.Mutex
	left    int // answers to come, and one while requests begin
	answers [][]byte
}

func (b *batch) expect() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left++
}

// add takes an answer, nil for none. The last one brings all to the client.
func (b *batch) add(answer []byte) {
	b.mu.Lock()
	if b.left--; answer != nil {
		b.answers = append(b.answers, answer)
	}
	done := b.left == 0 && len(b.answers) > 0
	b.mu.Unlock()
	if done {
		b.f.put(wire.Batch(b.answers))
	}
}
