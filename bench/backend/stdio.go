package backend

import (
	"bytes"
	"io"
)

const chunk = 256 << 10

// Stdio answers the messages of in, one a line, on out until in ends. Answers to what came in one
// read leave in one write.
func (s *Server) Stdio(in io.Reader, out io.Writer) error {
	buf := make([]byte, chunk)
	var answers []byte
	held := 0 // bytes of a line that is not whole
	for {
		if held == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
		n, err := in.Read(buf[held:])
		if n > 0 {
			lines := buf[:held+n]
			answers, lines = s.lines(answers[:0], lines)
			held = copy(buf, lines)
			if _, err := out.Write(answers); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// lines appends the answers to all whole lines and returns what is left.
func (s *Server) lines(answers, lines []byte) (out, rest []byte) {
	for {
		line, rest, whole := bytes.Cut(lines, []byte("\n"))
		if !whole {
			return answers, lines
		}
		before := len(answers)
		a := s.answer(answers, line)
		answers = append(a.head, a.tail...)
		if len(answers) > before {
			answers = append(answers, '\n')
		}
		lines = rest
	}
}
