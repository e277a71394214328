package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/secret"
)

// Spec is what a session is opened with. The byte slices hold raw JSON and are kept.
type Spec struct {
	Principal    string // whose session it is
	Endpoint     string // the path and selection it was opened on; other endpoints do not know it
	Version      string // negotiated protocol version
	Capabilities []byte // the client's; may be nil
	ClientInfo   []byte // the client's; may be nil
}

// Session is one client's session. Its id counts as a secret.
type Session struct {
	Spec
	ID string

	hash string
	mark *byte
	ctx  life.Context
	seen atomic.Int64 // when it was last used, Unix nanoseconds

	readers atomic.Int64 // connections on which it is read; they keep it from expiring
	open    atomic.Int64 // requests in flight; they do so only for a while if nobody reads

	mu        sync.Mutex
	calls     calls // in flight
	ending    []func()
	twoEnding [2]func() // room for the usual number

	store store
}

// ErrEnded is the cause of everything that stops because its session ended.
var ErrEnded = fault.New(fault.NotFound, "the session has ended").WithHint("initialize again")

// ErrCancelled is the cause of a call's end when the client cancelled it: nothing is answered.
var ErrCancelled = fault.New(fault.Canceled, "the client cancelled the request")

func newSession(s Spec, now time.Time, p *pool) *Session {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	n := &Session{Spec: s, mark: new(byte)}
	text := base64.RawURLEncoding.EncodeToString(id[:])
	both := text + secret.Hash(text) // one piece of memory
	n.ID, n.hash = both[:len(text)], both[len(text):]
	n.ending = n.twoEnding[:0]
	n.store.pool = p
	n.seen.Store(now.UnixNano())
	return n
}

// Hash returns what a log may show of the id.
func (s *Session) Hash() string { return s.hash }

// Mark returns what stands for the session, and compares as it does, where something that outlives the session must not
// keep it.
func (s *Session) Mark() any { return s.mark }

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.ctx.Done() }

// Context ends with the session.
func (s *Session) Context() context.Context { return &s.ctx }

// Begin registers a request in flight, whose context ends with ctx too. A second request with an id that is in flight is a
// fault of kind Conflict.
func (s *Session) Begin(ctx context.Context, id []byte) (*Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, ErrEnded
	}
	if s.calls.find(id) != nil {
		return nil, fault.New(fault.Conflict, "a request with id %s is in flight already", id).WithHint("use each id once")
	}
	c := &Call{session: s, id: string(id)}
	c.ctx.Follow(ctx)
	s.calls.add(c)
	s.open.Add(1)
	return c, nil
}

// InFlight returns how many requests have begun and not finished.
func (s *Session) InFlight() int { return int(s.open.Load()) }

// Cancel ends the request in flight that has the raw id, if there is one.
func (s *Session) Cancel(id []byte) {
	s.mu.Lock()
	c := s.calls.find(id)
	s.mu.Unlock()
	if c != nil {
		c.ctx.End(ErrCancelled)
	}
}

// OnEnd registers something to do when the session ends; at once if it has ended.
func (s *Session) OnEnd(do func()) {
	s.mu.Lock()
	if s.ctx.Err() == nil {
		s.ending = append(s.ending, do)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	do()
}

// Send adds a message to the session's own stream, where it waits for a reader.
func (s *Session) Send(msg []byte) { s.own().Send(msg) }

// own returns the stream for what belongs to no call.
func (s *Session) own() *Stream {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.open(s, 0)
}

// NewStream returns a stream for the answer to one call, or several calls of one POST. It must be ended.
func (s *Session) NewStream() *Stream {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.last++
	return s.store.open(s, s.store.last)
}

// Continue decides which stream a client gets that has lost one, and behind which message it goes on; nil stands for the
// first that has not been written. lastEvent is the id of the last event it has got, "" if it has none. A stream that is not
// known any more, or never was, is replaced by the session's own.
//
// over says that nothing more will come for this client: the stream has ended and been read to its
// end, or it is not known and the session's own has a reader already, from which it must not be taken: the two
// would take it from each other for ever.
func (s *Session) Continue(lastEvent string) (st *Stream, after *uint64, over bool) {
	own := s.own()
	if lastEvent == "" {
		return own, nil, false
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	place, ok := ParsePlace(lastEvent)
	if st = s.store.streams[place.Stream]; !ok || st == nil {
		return own, nil, own.attached
	}
	return st, &place.N, st.ended && place.N >= st.newest
}

// Attach delivers the messages of the session's own stream through write until ctx or the session ends, write fails, or
// another reader takes over. What was written is not kept, so this is for transports whose
// streams cannot be resumed. idle is called whenever beat passes without a message; zero means never.
func (s *Session) Attach(ctx context.Context, beat time.Duration, write func(msg []byte) error, idle func() error) error {
	return s.own().Attach(ctx, Reader{Beat: beat, Idle: idle, Forget: true, Write: func(events []Event) (int, error) {
		for i, e := range events {
			if err := write(e.Msg); err != nil {
				return i, err
			}
		}
		return len(events), nil
	}})
}

// unread takes a reader away, whose client may come back.
func (s *Session) unread() {
	s.seen.Store(time.Now().UnixNano())
	s.readers.Add(-1)
}

// end ends the session once.
func (s *Session) end(cause error) {
	s.ctx.End(cause) // from here on no call begins
	s.store.end()
	s.mu.Lock()
	ending := s.ending
	s.ending = nil
	for c := range s.calls.all {
		c.ctx.End(ErrEnded)
	}
	s.mu.Unlock()
	for _, do := range ending {
		do()
	}
}
