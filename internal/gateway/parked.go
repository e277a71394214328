package gateway

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"onemcp/internal/mcp"
)

// parked is a call to a legacy backend on behalf of a modern client. It goes on while the client
// is away to answer the backend's questions.
type parked struct {
	g      *Gateway
	caller any   // which client is counted for it, comparable
	size   int   // of the request, in bytes
	first  *call // the call as the backend knows it, with a message of its own
	cancel context.CancelCauseFunc
	nudge  chan struct{} // holds a token when a question has come
	ended  chan struct{} // closed when there is an outcome
	reply  mcp.Message   // valid once ended
	via    *link         // valid once ended
	err    error         // valid once ended

	id   [16]byte // zero until it is held
	held burden   // guarded by the parking's mutex

	mu      sync.Mutex
	round   uint32
	taken   bool   // a client is attached
	over    bool   // nothing is kept any more
	pours   bool   // the answer goes to the client while it comes: nothing can be asked any more
	full    error  // no room for a question: the outcome, whatever the backend makes of that
	client  *call  // the newest request, if its client is here
	caps    []byte // of the client's newest request
	token   []byte // the progress token of the client's newest request
	level   string // the log level of the client's newest request
	missed  missed
	asked   []question
	serial  int
	expires *time.Timer
}

// question is one request of the backend that waits for the client.
type question struct {
	key string // in inputRequests
	ask *ask
}

// Send passes a message to the client that is attached, if one is.
func (p *parked) Send(msg []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		p.client.send(msg)
	}
}

// answering returns the request that is to be answered while the backend's answer comes, nil if its client is away, or about to
// be asked something. Until the answer is over the client can be asked nothing.
func (p *parked) answering() *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil || len(p.asked) > 0 {
		return nil
	}
	p.pours = true
	return p.client
}

// attach makes the client of k, which has made the newest request, the one to talk to.
func (p *parked) attach(k *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client, p.caps, p.token = k, bytes.Clone(k.c.Meta.Capabilities), bytes.Clone(k.m.Value(mcp.FieldMetaToken))
	p.level = strings.Clone(k.c.Meta.LogLevel)
	for _, m := range p.missed.take() {
		p.free(weight(m))
		p.pass(m)
	}
}

// notify passes a progress report or log message on, or keeps it until the client comes back.
func (p *parked) notify(m *mcp.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		p.pass(m)
		return
	}
	if weight(m) > maxMissed {
		return
	}
	m = m.Clone()
	for _, gone := range p.missed.add(m) {
		p.free(weight(gone))
	}
	if p.hold(weight(m)) != nil {
		p.missed.drop(m)
	}
}

// pass sends a progress report with the client's own token, or a log message that it asked for. The caller holds p.mu.
func (p *parked) pass(m *mcp.Message) {
	switch {
	case p.client == nil:
	case m.Method == mcp.NoteMessage:
		if loggedAt(p.level, m) {
			p.client.send(m.Retag(nil, nil))
		}
	case p.token != nil:
		p.client.send(retoken(m, p.token))
	}
}

// leave ends the call for its client: nothing more goes to it, and nothing is kept.
func (p *parked) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client, p.over, p.missed = nil, true, missed{}
	p.g.parking.release(p)
}

// hold counts what is about to be kept for the call. The caller holds p.mu.
func (p *parked) hold(bytes int) error {
	if p.over {
		return errTicketOld
	}
	if p.serial == 0 {
		p.caller = p.first.c.caller()
	}
	return p.g.parking.hold(p, bytes)
}

func (p *parked) free(bytes int) { p.g.parking.free(p, bytes) }

// hasAsked reports whether the backend has asked something: then it knows the request, which is not kept any more.
func (p *parked) hasAsked() bool {
	if p == nil {
		return false
	}
	return p.count() > 0
}

// settle takes the outcome, and keeps it for a client that is away.
func (p *parked) settle(reply mcp.Message, via *link, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply, p.via, p.err = reply, via, err
	if p.full != nil {
		p.reply, p.err = mcp.Message{}, p.full
	}
	if p.round == 0 || p.taken || p.err != nil {
		return
	}
	if err := p.hold(weight(&p.reply)); err != nil {
		p.reply, p.err = mcp.Message{}, err
	}
}

// claim voids the ticket of a round and stops the clock.
func (p *parked) claim(round uint32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken || round != p.round {
		return errTicketUsed
	}
	if !p.expires.Stop() {
		return errTicketOld
	}
	p.taken = true
	return nil
}
