package gateway

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// The bounds of parked calls.
const (
	parkTime  = 10 * time.Minute // how long a call waits for its client's answers
	maxParked = 10000
)

// statePrefix marks a requestState as ours.
const statePrefix = "1mcp."

// parking keeps the calls whose backends wait for a modern client's answers. A ticket is the sealed
// requestState that a client brings back; it is good once.
type parking struct {
	seal     cipher.AEAD
	instance [8]byte // of this process: another replica's tickets can be told apart

	group sync.WaitGroup // of the calls

	mu     sync.Mutex
	calls  map[[16]byte]*parked
	closed bool
}

func newParking() *parking {
	var key [32]byte
	p := &parking{calls: make(map[[16]byte]*parked)}
	_, _ = rand.Read(key[:]) // never fails
	_, _ = rand.Read(p.instance[:])
	block, _ := aes.NewCipher(key[:]) // fails for wrong key lengths only
	p.seal, _ = cipher.NewGCM(block)
	return p
}

var (
	errTicketUsed  = fault.New(fault.Invalid, "this requestState has been used already").WithHint("each one is good for a single retry; call again without it")
	errTicketWrong = fault.New(fault.Invalid, "this requestState is not valid for this request").WithHint("repeat the request as it was, with the newest requestState")
	errTicketOld   = fault.New(fault.Invalid, "this requestState has expired, or the call it belongs to has ended").WithHint("call again without it")
)

// ticket makes the requestState for the n-th round of a parked call.
func (p *parking) ticket(c *parked, round uint32) string {
	plain := append(append([]byte{}, c.id[:]...), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(plain[16:], round)
	nonce := make([]byte, p.seal.NonceSize())
	_, _ = rand.Read(nonce)
	sealed := p.seal.Seal(nonce, nonce, plain, c.bound[:])
	return statePrefix + base64.RawURLEncoding.EncodeToString(append(p.instance[:8:8], sealed...))
}

// claim returns the parked call of a ticket, for whoever is bound to it, and voids the ticket.
func (p *parking) claim(ticket string, bound [32]byte) (*parked, error) {
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(ticket, statePrefix))
	if err != nil || len(data) < 8+p.seal.NonceSize() {
		return nil, errTicketWrong
	}
	if [8]byte(data[:8]) != p.instance {
		return nil, errTicketOld
	}
	nonce, sealed := data[8:8+p.seal.NonceSize()], data[8+p.seal.NonceSize():]
	plain, err := p.seal.Open(nil, nonce, sealed, bound[:])
	if err != nil || len(plain) != 20 {
		return nil, errTicketWrong
	}
	p.mu.Lock()
	c := p.calls[[16]byte(plain[:16])]
	p.mu.Unlock()
	if c == nil {
		return nil, errTicketOld
	}
	return c, c.claim(binary.BigEndian.Uint32(plain[16:]))
}

func (p *parking) add(c *parked) error {
	_, _ = rand.Read(c.id[:])
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.calls) >= maxParked {
		return fault.New(fault.Busy, "too many calls wait for their clients' answers")
	}
	p.calls[c.id] = c
	return nil
}

// close ends all parked calls and waits for them. The backends have been closed before.
func (p *parking) close() {
	p.mu.Lock()
	p.closed = true
	all := p.calls
	p.calls = make(map[[16]byte]*parked)
	p.mu.Unlock()
	for _, c := range all {
		c.expire()
	}
	p.group.Wait()
}

// start runs one call, unless the gateway is being closed.
func (p *parking) start(run func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.group.Go(run)
	return true
}

func (p *parking) remove(c *parked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, c.id)
}

// isTicket reports whether a request brings back a requestState of ours.
func isTicket(m *mcp.Message) (string, bool) {
	state, _ := m.Text(mcp.FieldRequestState)
	return state, strings.HasPrefix(state, statePrefix)
}

// binding is what a ticket is good for: one principal, scope and request. The arguments count by
// their meaning, since a client may write them anew.
func (k *call) binding() [32]byte {
	h := sha256.New()
	enc := json.NewEncoder(h)
	name, _ := k.m.Text(mcp.FieldName)
	uri, _ := k.m.Text(mcp.FieldURI)
	_ = enc.Encode([]any{k.c.Principal, k.c.Scope, k.m.Method, name, uri}) // plain values always encode
	var arguments any
	dec := json.NewDecoder(strings.NewReader(string(k.m.Value(mcp.FieldArguments))))
	dec.UseNumber()
	if dec.Decode(&arguments) == nil {
		_ = enc.Encode(arguments)
	}
	return [32]byte(h.Sum(nil))
}

// parked is a call to a legacy backend on behalf of a modern client. It goes on while the client
// is away to answer the backend's questions.
type parked struct {
	g      *Gateway
	id     [16]byte
	bound  [32]byte
	first  *call // the call as the backend knows it, with a message of its own
	cancel context.CancelCauseFunc
	nudge  chan struct{} // holds a token when a question has come
	ended  chan struct{} // closed when there is an outcome
	reply  mcp.Message   // valid once ended
	via    *link         // valid once ended
	err    error         // valid once ended

	mu      sync.Mutex
	round   uint32
	taken   bool // a client is attached
	stream  Stream
	caps    []byte       // of the client's newest request
	token   []byte       // the progress token of the client's newest request
	latest  *mcp.Message // the progress report that came last while no client was attached
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
	if p.stream != nil {
		p.stream.Send(msg)
	}
}

// attach makes the client of k, which has made the newest request, the one to talk to.
func (p *parked) attach(k *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stream, p.caps, p.token = k.st, bytes.Clone(k.c.Meta.Capabilities), bytes.Clone(k.m.Value(mcp.FieldMetaToken))
	if m := p.latest; m != nil {
		p.latest = nil
		p.report(m)
	}
}

// progress passes a report on, or keeps it, in place of the one before, until the client comes back.
func (p *parked) progress(m *mcp.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stream == nil {
		p.latest = m.Clone()
		return
	}
	p.report(m)
}

// report sends a progress report with the client's own token. The caller holds p.mu.
func (p *parked) report(m *mcp.Message) {
	if p.stream != nil && p.token != nil {
		p.stream.Send(retoken(m, p.token))
	}
}

// detach lets nothing more go to the client.
func (p *parked) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stream = nil
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
