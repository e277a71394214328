package load

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/scan"
)

// Pipe calls echo in a closed loop over a stdio server's pipes, with a number of calls in flight:
// what the server reaches with nothing before it. Calls go out together when their predecessors'
// answers came together.
func Pipe(in io.Writer, out io.Reader, inFlight int, length time.Duration) (*Result, error) {
	p := &pipe{in: in, began: make([]time.Time, inFlight), want: make([]int64, inFlight), until: time.Now().Add(length)}
	began := time.Now()
	for slot := range inFlight {
		p.ask(int64(slot + 1))
	}
	err := p.loop(out)
	p.result.Elapsed = time.Since(began)
	return &p.result, err
}

// pipe is the state of the calls in flight. A call has the slot that its id leaves as a remainder.
type pipe struct {
	in     io.Writer
	out    []byte
	text   []byte
	until  time.Time
	began  []time.Time
	want   []int64 // id in flight by slot; 0: none
	open   int
	result Result
}

func (p *pipe) slot(id int64) int { return int((id - 1) % int64(len(p.want))) }

// ask puts a call among those that go out next.
func (p *pipe) ask(id int64) {
	p.text = unique(p.text[:0], id, echoLength)
	p.out = append(p.out, `{"jsonrpc":"2.0","id":`...)
	p.out = strconv.AppendInt(p.out, id, 10)
	p.out = append(append(append(p.out, `,"method":"tools/call","params":{"name":"`+backend.Echo+`","arguments":{"text":"`...), p.text...), "\"}}}\n"...)
	p.began[p.slot(id)], p.want[p.slot(id)] = time.Now(), id
	p.open++
}

func (p *pipe) loop(out io.Reader) error {
	buf, held := make([]byte, 256<<10), 0
	for p.open > 0 {
		if err := p.send(); err != nil {
			return err
		}
		n, err := out.Read(buf[held:])
		if err != nil {
			return fmt.Errorf("no answer: %w", err)
		}
		rest, err := p.lines(buf[:held+n])
		if err != nil {
			return err
		}
		held = copy(buf, rest)
	}
	return nil
}

// send writes what has been asked and is not yet written.
func (p *pipe) send() error {
	if len(p.out) == 0 {
		return nil
	}
	_, err := p.in.Write(p.out)
	p.out = p.out[:0]
	return err
}

// lines takes whole lines and returns what is left.
func (p *pipe) lines(lines []byte) ([]byte, error) {
	for {
		line, rest, whole := bytes.Cut(lines, []byte("\n"))
		if !whole {
			return lines, nil
		}
		if err := p.answer(line); err != nil {
			return nil, err
		}
		lines = rest
	}
}

// answer holds an answer against its question, and asks the next one.
func (p *pipe) answer(line []byte) error {
	id, err := strconv.ParseInt(string(scan.Member(line, "id")), 10, 64)
	if err != nil || id < 1 || p.want[p.slot(id)] != id {
		return fmt.Errorf("an answer that nobody waits for: %.200s", line)
	}
	result, err := check(line, id)
	if err != nil {
		return err
	}
	p.text = unique(p.text[:0], id, echoLength)
	if got := resultText(result); !bytes.Equal(got, p.text) {
		return fmt.Errorf("id %d: the text is %.100q, not %q", id, got, p.text)
	}
	now := time.Now()
	p.result.Latency.Add(now.Sub(p.began[p.slot(id)]))
	p.result.Calls++
	p.want[p.slot(id)] = 0
	p.open--
	if now.Before(p.until) {
		p.ask(id + int64(len(p.want)))
	}
	return nil
}
