package gateway

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// parkTime is how long a call waits for its client's answers.
const parkTime = 10 * time.Minute

// mostResting is how many goroutines may wait for calls to run.
const mostResting = 64

// statePrefix marks a requestState as ours.
const statePrefix = "1mcp."

// parking keeps the calls whose backends wait for a modern client's answers. A ticket is the sealed
// requestState that a client brings back; it is good once.
type parking struct {
	seal     cipher.AEAD
	instance [8]byte // of this process: another replica's tickets can be told apart

	group sync.WaitGroup // of the goroutines that run calls
	next  chan func()    // to one of them that has nothing to do
	rest  atomic.Int32   // how many there are of these

	mu     sync.Mutex
	calls  map[[16]byte]*parked
	all    burden
	of     map[any]burden // by client
	closed bool
}

func newParking() *parking {
	var key [32]byte
	p := &parking{calls: make(map[[16]byte]*parked), of: make(map[any]burden), next: make(chan func())}
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

// ticket makes the requestState for the n-th round of a parked call, good for whoever is bound to it.
func (p *parking) ticket(c *parked, round uint32, bound [32]byte) string {
	plain := append(append([]byte{}, c.id[:]...), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(plain[16:], round)
	nonce := make([]byte, p.seal.NonceSize())
	_, _ = rand.Read(nonce)
	sealed := p.seal.Seal(nonce, nonce, plain, bound[:])
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

// close ends all parked calls and waits for them. The backends have been closed before.
func (p *parking) close() {
	p.mu.Lock()
	p.closed = true
	close(p.next)
	all := slices.Collect(maps.Values(p.calls))
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
	select {
	case p.next <- run:
	default:
		p.group.Go(func() { p.work(run) })
	}
	return true
}

// work runs calls. A few goroutines stay when theirs have ended, since to grow the stack of a new one is a good part of
// what a short call costs.
func (p *parking) work(run func()) {
	for ok := true; ok; {
		run()
		if p.rest.Add(1) > mostResting {
			p.rest.Add(-1)
			return
		}
		run, ok = <-p.next
		p.rest.Add(-1)
	}
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
