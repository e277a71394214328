package upstreamtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"onemcp/internal/mcp"
)

// Server is one conversation with the scripted server: a process, an HTTP session, or all of a
// stateless HTTP server.
type Server struct {
	Script
	Crash func() // what the tool crash does; the end of the process unless set

	mu       sync.Mutex
	received [][]byte
	arrived  chan struct{}                 // closed and made anew when a message has been received
	running  map[string]context.CancelFunc // by raw request id
	asked    map[string]chan []byte        // by raw id of our own requests
	asks     int
	nonce    string

	crowd    *Crowd
	over     chan struct{} // closed when the conversation has left its crowd
	interest interest
}

// NewServer returns a server that follows s.
func NewServer(s Script) *Server {
	server := &Server{
		Script:  s,
		Crash:   func() { os.Exit(3) },
		arrived: make(chan struct{}),
		running: make(map[string]context.CancelFunc),
		asked:   make(map[string]chan []byte),
		nonce:   rand.Text(),
		over:    make(chan struct{}),
	}
	server.interest.init()
	server.Join(NewCrowd())
	return server
}

// Handle takes one message and returns when all that comes of it was sent. What it sends goes out through
// send, which must be safe for concurrent use across Handles; the final answer, if any, is the last. The end of ctx is
// the client's cancel; nothing is sent for a cancelled request. Handle keeps a copy of msg.
func (s *Server) Handle(ctx context.Context, msg []byte, send func([]byte)) {
	m, err := mcp.Scan(bytes.Clone(msg))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.receive(&m, cancel)
	switch {
	case err != nil:
		send(mcp.AppendError(nil, nil, mcp.CodeParse, err.Error(), nil))
	case s.Mute:
	case m.Kind == mcp.Request:
		s.request(ctx, &m, send)
	case m.Kind == mcp.Notification:
		s.noticed(&m)
	default:
		s.answered(&m)
	}
}

// receive takes note of a message, in the order of arrival. Who waits for a message is not what is waited for.
func (s *Server) receive(m *mcp.Message, cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Kind == mcp.Request {
		s.running[string(m.IDBytes())] = cancel
	}
	if name := toolName(m); name != "await" && name != "count" && name != "heard" && name != "times" {
		s.received = append(s.received, m.Raw)
		s.crowd.receive(m.Raw)
	}
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// Received returns the messages received so far, and a line for each hang that was cancelled.
func (s *Server) Received() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.received...)
}

// Await returns the first message received that holds text; it waits for it until ctx ends.
func (s *Server) Await(ctx context.Context, text string) ([]byte, error) {
	for seen := 0; ; {
		s.mu.Lock()
		news, arrived := s.received[seen:], s.arrived
		seen = len(s.received)
		s.mu.Unlock()
		for _, msg := range news {
			if bytes.Contains(msg, []byte(text)) {
				return msg, nil
			}
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (s *Server) request(ctx context.Context, m *mcp.Message, send func([]byte)) {
	defer func() {
		s.mu.Lock()
		delete(s.running, string(m.IDBytes()))
		s.mu.Unlock()
	}()
	answer := s.answer(ctx, m, send)
	if answer != nil && (ctx.Err() == nil || toolName(m) == "late" || m.Method == mcp.MethodListen) {
		send(answer)
	}
}

func (s *Server) noticed(m *mcp.Message) {
	if m.Method == mcp.NoteInitialized {
		s.change(func(i *interest) { i.legacy = true })
	}
	if m.Method != mcp.NoteCancelled {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.running[string(m.Value(mcp.FieldRequestID))]; cancel != nil {
		cancel()
	}
}

func (s *Server) answered(m *mcp.Message) {
	s.mu.Lock()
	asked := s.asked[string(m.IDBytes())]
	delete(s.asked, string(m.IDBytes()))
	s.mu.Unlock()
	if asked != nil {
		asked <- m.Raw
	}
}

// ask sends a request of the server's own; the answer comes on the channel.
func (s *Server) ask(method string, params []byte, send func([]byte)) (id string, answer <-chan []byte) {
	got := make(chan []byte, 1)
	s.mu.Lock()
	s.asks++
	id = fmt.Sprintf(`"ask-%d"`, s.asks)
	s.asked[id] = got
	s.mu.Unlock()
	text := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q`, id, method)
	if params != nil {
		text += `,"params":` + string(params)
	}
	send([]byte(text + "}"))
	return id, got
}

// answer returns the final answer to a request, nil for none.
func (s *Server) answer(ctx context.Context, m *mcp.Message, send func([]byte)) []byte {
	switch {
	case m.Method == mcp.MethodDiscover:
		return s.discover(ctx, m)
	case m.Method == mcp.MethodInitialize:
		return s.initialize(m)
	case !s.speaks(eraOf(m)):
		return s.wrongVersion(m)
	}
	if answer, ok := say(m, send); ok {
		return answer
	}
	if offer := s.offer(m); offer != "" {
		return s.result(m, offer)
	}
	switch m.Method {
	case mcp.MethodPing:
		return s.result(m, `{}`)
	case mcp.MethodToolsList:
		return s.result(m, `{"tools":[`+toolList()+`]}`)
	case mcp.MethodListen:
		return s.listen(ctx, m, send)
	case mcp.MethodSubscribe, mcp.MethodUnsubscribe:
		return s.subscribe(m)
	case mcp.MethodToolsCall:
		if tool := tools()[toolName(m)]; tool != nil {
			return tool(&call{s, m, send}, ctx)
		}
		return refuse(m, mcp.CodeInvalidParams, "no such tool")
	}
	return refuse(m, mcp.CodeMethodNotFound, "no such method")
}

// offer returns the scripted result of a request: of a page if it asks for one.
func (s *Server) offer(m *mcp.Message) string {
	if cursor, ok := m.Text(mcp.FieldCursor); ok {
		return s.Offers[m.Method+" "+cursor]
	}
	return s.Offers[m.Method]
}

func eraOf(m *mcp.Message) mcp.Era {
	if m.Has(mcp.FieldMetaVersion) {
		return mcp.Modern
	}
	return mcp.Legacy
}

func (s *Server) discover(ctx context.Context, m *mcp.Message) []byte {
	switch s.probe() {
	case Silent:
		<-ctx.Done()
		return nil
	case Late:
		if _, err := s.Await(ctx, `"initialize"`); err != nil {
			return nil
		}
	case Exits:
		s.Crash()
	case Lists:
	default:
		if !s.speaks(mcp.Modern) {
			return refuse(m, mcp.CodeMethodNotFound, "no such method")
		}
	}
	versions, _ := json.Marshal(s.versions()) // strings always marshal
	return s.result(m, `{"supportedVersions":`+string(versions)+`,`+s.hello()+`,"ttlMs":0,"cacheScope":"private"}`)
}

// probe returns how this server/discover is taken.
func (s *Server) probe() Probe {
	if s.Once == "" {
		return s.Probe
	}
	f, err := os.OpenFile(s.Once, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Refuse
	}
	_ = f.Close()
	return s.Probe
}

const (
	capabilities = `{"tools":{"listChanged":true},"logging":{}}`
	serverInfo   = `{"name":"scripted","version":"1"}`
)

func (s *Server) initialize(m *mcp.Message) []byte {
	switch {
	case s.Probe == Late:
		return nil
	case !s.speaks(mcp.Legacy):
		return s.wrongVersion(m)
	}
	wanted, _ := m.Text(mcp.FieldProtocolVersion)
	return s.result(m, `{"protocolVersion":"`+mcp.NegotiateLegacy(wanted)+`",`+s.hello()+`,"serverInfo":`+serverInfo+`}`)
}

func (s *Server) wrongVersion(m *mcp.Message) []byte {
	supported, _ := json.Marshal(s.versions())
	return mcp.AppendError(nil, m.IDBytes(), mcp.CodeUnsupportedVersion, "unsupported protocol version", []byte(`{"supported":`+string(supported)+`}`))
}

// result answers m with a result, to which a modern one's members are added.
func (s *Server) result(m *mcp.Message, result string) []byte {
	if eraOf(m) == mcp.Modern {
		more := `{"resultType":"complete","_meta":{"` + mcp.MetaServerInfo + `":` + serverInfo + `}`
		if m.Method != mcp.MethodDiscover && mcp.MethodOf(m.Method).Cacheable {
			more += `,"ttlMs":0,"cacheScope":"private"`
		}
		if result != "{}" {
			more += ","
		}
		result = more + result[1:]
	}
	return mcp.AppendResult(nil, m.IDBytes(), []byte(result))
}

func refuse(m *mcp.Message, code int, text string) []byte {
	return mcp.AppendError(nil, m.IDBytes(), code, text, nil)
}
