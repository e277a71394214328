package example

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const maxLine = 64 << 20 // bytes

// Serve answers the MCP messages of in, one a line, on out, until in ends,
// ctx ends, or out cannot be written.
//
// When in ends, calls in flight finish at once and are answered, and Serve
// returns nil. When ctx ends they are cancelled without an answer, and Serve
// returns ctx's cause. A Read that blocks in then keeps its goroutine until
// it returns: close in to free it.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := newServer(&writer{out: out, fail: cancel})
	lines := make(chan []byte)
	read := make(chan error, 1)
	go func() { read <- readLines(ctx, in, lines) }()
	err := s.loop(ctx, lines, read)
	close(s.closing)
	s.calls.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// loop handles lines in the order they came, until there are no more.
func (s *server) loop(ctx context.Context, lines <-chan []byte, read <-chan error) error {
	for {
		select {
		case line := <-lines:
			s.handle(ctx, line)
		case err := <-read:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func readLines(ctx context.Context, in io.Reader, lines chan<- []byte) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, maxLine)
	for scan.Scan() {
		if len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		select {
		case lines <- bytes.Clone(scan.Bytes()):
		case <-ctx.Done():
			return nil
		}
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line on the input is longer than %d bytes", maxLine)
	}
	return scan.Err()
}

// server is one conversation.
type server struct {
	out     *writer
	methods map[string]method
	calls   sync.WaitGroup
	closing chan struct{} // closed when no more input comes

	session *caller // nil before initialize; the loop's goroutine only

	mu       sync.Mutex
	inFlight map[string]context.CancelFunc // by raw id
	asked    map[string]chan message       // our own requests, by raw id
	lastAsk  int
}

func newServer(out *writer) *server {
	return &server{
		out:      out,
		methods:  methods(),
		closing:  make(chan struct{}),
		inFlight: map[string]context.CancelFunc{},
		asked:    map[string]chan message{},
	}
}

// call is one request on its way.
type call struct {
	caller
	id     jsontext.Value
	params jsontext.Value
	token  jsontext.Value // progress token; nil when the client wants none
}

// method is how one method is answered, and in which eras.
type method struct {
	run        func(*server, context.Context, *call) (result, error)
	legacyOnly bool
	modernOnly bool
	async      bool // runs beside the loop and can be cancelled
}

func (m method) in(modern bool) bool {
	return m.run != nil && !(modern && m.legacyOnly) && !(!modern && m.modernOnly)
}

func (s *server) handle(ctx context.Context, line []byte) {
	m, fault := parse(line)
	switch {
	case fault != nil:
		s.refuse(m.ID, fault)
	case m.isResponse():
		s.deliver(m)
	case m.ID == nil && m.Method != "":
		s.noticed(m)
	case m.Method == "" || !validID(m.ID):
		s.refuse(m.ID, &wireError{Code: codeInvalidRequest, Message: "a request needs a method and an id that is a string or a number"})
	default:
		s.request(ctx, m)
	}
}

// refuse answers a message that did not become a call.
func (s *server) refuse(id jsontext.Value, e *wireError) {
	if !validID(id) {
		id = nil // the protocol knows no null there
	}
	s.out.send(message{ID: id, Error: e})
}

// noticed handles a notification; unknown ones are ignored, as the protocol wants.
func (s *server) noticed(m message) {
	var params struct {
		RequestID jsontext.Value `json:"requestId"`
	}
	if m.Method != "notifications/cancelled" || json.Unmarshal(m.Params, &params) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.inFlight[string(params.RequestID)]; cancel != nil {
		cancel()
	}
}

func (s *server) request(ctx context.Context, m message) {
	var params struct {
		Meta requestMeta `json:"_meta"`
	}
	if m.Params != nil && json.Unmarshal(m.Params, &params) != nil {
		s.refuse(m.ID, invalidParams("params or params._meta has the wrong form"))
		return
	}
	who, fault := judge(params.Meta, m.Method, s.session)
	if fault != nil {
		s.refuse(m.ID, fault)
		return
	}
	how := s.methods[m.Method]
	if !how.in(who.modern) {
		s.refuse(m.ID, &wireError{Code: codeMethodNotFound, Message: "unknown method"})
		return
	}
	s.start(ctx, how, &call{caller: who, id: m.ID, params: m.Params, token: params.Meta.ProgressToken})
}

func (s *server) start(ctx context.Context, how method, c *call) {
	if !how.async {
		s.answer(ctx, how, c)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	_, clash := s.inFlight[string(c.id)]
	if !clash {
		s.inFlight[string(c.id)] = cancel
	}
	s.mu.Unlock()
	if clash {
		cancel()
		s.refuse(c.id, &wireError{Code: codeInvalidRequest, Message: "this id is in flight already"})
		return
	}
	s.calls.Go(func() {
		defer cancel()
		s.answer(ctx, how, c)
	})
}

func (s *server) forget(id jsontext.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inFlight, string(id))
}

// answer runs a call and sends what came of it; a cancelled one gets none.
func (s *server) answer(ctx context.Context, how method, c *call) {
	res, err := how.run(s, ctx, c)
	s.forget(c.id) // before the answer: its reader may use the id again
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.refuse(c.id, asWireError(err))
		return
	}
	raw, err := res.encode(c.modern)
	if err != nil {
		s.refuse(c.id, asWireError(err))
		return
	}
	s.out.send(message{ID: c.id, Result: raw})
}

func asWireError(err error) *wireError {
	var e *wireError
	if errors.As(err, &e) {
		return e
	}
	return &wireError{Code: codeInternal, Message: "the example server failed: " + err.Error()}
}
