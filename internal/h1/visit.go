package h1

// visit is what is done with an idle socket in one go: to see that there is nothing to read, to write a request, and to wait
// until there is something. Go's poller has begun to listen before the writing then, so that nobody has to
// look for an answer in vain first, as each reading does that begins after it.
type visit struct {
	text []byte
	wait bool // until there is something to read

	silent bool
	n      int // bytes that were written
	err    error
	step   func(fd uintptr) bool // v.take; kept, since it would be made anew each time
}

// take does what can be done now, and reports whether that was all.
func (v *visit) take(fd uintptr) bool {
	if v.silent {
		return true // woken
	}
	if v.silent = isSilent(fd); !v.silent {
		return true
	}
	v.n, v.err = write(fd, v.text)
	return !v.wait || v.n < len(v.text)
}

// visit writes text, and may wait until something can be read. The error is errUnsent if nothing was written.
func (c *conn) visit(text []byte, wait bool) error {
	v := &c.visits
	v.text, v.wait, v.silent, v.n, v.err = text, wait, false, 0, nil
	err := c.raw.Read(v.step)
	if v.text = nil; err != nil && v.n == 0 {
		return unsent(err)
	}
	switch {
	case !v.silent:
		return errUnsent
	case v.err != nil && v.n == 0:
		return unsent(v.err)
	case v.err != nil || v.n == len(text):
		return v.err
	}
	_, err = c.Write(text[v.n:])
	return err
}
