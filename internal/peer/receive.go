package peer

import (
	"bytes"
	"maps"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// receive gives one line to whom it belongs. The line is in the reader's buffer.
func (p *Peer) receive(line []byte) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	if p.o.Trace != nil {
		p.o.Trace(false, line)
	}
	switch {
	case line[0] == '[' && mcp.Valid(line): // a batch, which version 2025-03-26 knows
		for _, one := range mcp.Elements(line) {
			p.receiveOne(one)
		}
	default:
		p.receiveOne(line)
	}
}

func (p *Peer) receiveOne(text []byte) {
	m := &p.message
	var err error
	if *m, err = mcp.Scan(text); err != nil {
		p.receiveBad(text, err)
		return
	}
	switch m.Kind {
	case mcp.Request:
		p.receiveAsk(m)
	case mcp.Notification:
		p.receiveNote(m)
	default:
		p.receiveAnswer(m)
	}
}

// receiveAnswer ends the call that m answers. Who has given up no longer has a call: a late answer is dropped.
func (p *Peer) receiveAnswer(m *mcp.Message) {
	id, ok := m.IntID()
	if !ok {
		p.noise.add("an answer to no request", m.Raw)
		return
	}
	c := p.take(id)
	if c == nil {
		return
	}
	c.answer = *m
	c.answer.Raw = p.in.Keep(m.Raw)
	c.woken <- true
}

func (p *Peer) receiveNote(m *mcp.Message) {
	switch {
	case m.Method == mcp.NoteProgress:
		p.receiveProgress(m)
	case m.Method == mcp.NoteCancelled:
		p.withdraw(m)
	case m.Has(mcp.FieldMetaSubscription):
		if id, ok := mcp.Uint(m.Value(mcp.FieldMetaSubscription)); ok {
			p.notifyCall(m, id)
		}
	default:
		if c := p.soleOwner(); c != nil && !OfConnection(m.Method) {
			c.notify(m)
		} else {
			p.up.Notify(m)
		}
	}
}

// receiveProgress hands a report to the call that it names. If that is not in flight the report goes to the connection's
// handler: a call that was answered with a task keeps its token. A token that is no number cannot be ours.
func (p *Peer) receiveProgress(m *mcp.Message) {
	id, ok := mcp.Uint(m.Value(mcp.FieldToken))
	if ok && !p.notifyCall(m, id) {
		p.up.Notify(m)
	}
}

// notifyCall hands m to the call of an id, and reports whether that is in flight.
func (p *Peer) notifyCall(m *mcp.Message, id uint64) bool {
	c := p.find(id)
	return c != nil && c.notify(m)
}

// soleOwner returns the call that a message belongs to which names none, nil if that cannot be told.
func (p *Peer) soleOwner() *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return SoleOwner(maps.Values(p.calls), &p.ghosts)
}

// receiveBad drops text, which is no message. If it was meant to be the answer of a call, the call fails.
func (p *Peer) receiveBad(text []byte, why error) {
	id, ok := answerID(text, text)
	if !ok {
		p.noise.add("a line that is no message", text)
		return
	}
	if c := p.take(id); c != nil {
		c.fail(fault.New(fault.Malformed, "backend %q gave an answer that is not valid: %s", p.o.Name, why).WithHint(HintBroken))
	}
}

// receiveTooLong fails the call that a line over the limit belongs to or, if that cannot be told, all: one
// of them would wait for ever. Only what is clearly a notification or a request fails none.
func (p *Peer) receiveTooLong(long *TooLong) {
	err := fault.New(fault.TooLarge, "backend %q sent a message over the limit of %d bytes", p.o.Name, p.o.MaxMessage).
		WithHint("raise its maxMessageSize")
	p.noise.add("a message over the limit", long.Head)
	if isCall(long.Head) {
		return
	}
	if id, ok := answerID(long.Head, long.Tail); ok {
		if c := p.take(id); c != nil {
			c.fail(err)
		}
		return
	}
	p.mu.Lock()
	calls := p.calls
	p.calls = make(map[uint64]*call)
	p.mu.Unlock()
	for _, c := range calls {
		c.fail(err)
	}
}

// HintBroken is the remedy for messages of a backend that are not valid.
const HintBroken = "the server breaks the protocol: tell its makers; `1mcp serve --trace-mcp FILE` writes down what it sent"
