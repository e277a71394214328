//go:build unix

package peer

import "syscall"

// quick writes to a descriptor that does not block. It has one user at a time.
type quick struct {
	raw   syscall.RawConn
	batch []byte
	n     int
	try   func(fd uintptr) bool
}

func newQuick(raw syscall.RawConn) *quick {
	if raw == nil {
		return nil
	}
	q := &quick{raw: raw}
	q.try = func(fd uintptr) bool {
		q.n, _ = syscall.Write(int(fd), q.batch) // whoever writes the rest finds the error
		return true
	}
	return q
}

// write writes as much of batch as fits at once, and returns how much that was.
func (q *quick) write(batch []byte) int {
	q.batch, q.n = batch, 0
	_ = q.raw.Write(q.try)
	q.batch = nil
	return max(q.n, 0)
}
