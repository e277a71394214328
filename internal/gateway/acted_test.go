package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream"
)

// acted is a driver whose backend does what no real one can be made to do at the right moment, in a tool of any name.
type acted struct {
	era  mcp.Era
	tool func(ctx context.Context, r *upstream.Request, up upstream.Sink) (rest string, err error) // rest: `"result":…` or `"error":…`
	list func() string                                                                             // the tools; nil: it has none
	hear func(up upstream.Sink, filter []byte)                                                     // is told of each subscriptions/listen; nil: it is silent
	line bool                                                                                      // calls have no streams of their own
	own  chan upstream.Sink                                                                        // gets the sink of the connection
}

func (d acted) Connect(_ upstream.Opening, up upstream.Sink) upstream.Conn {
	d.own <- up
	return actedConn{d}
}

type actedConn struct{ acted }

func (c actedConn) Run(ctx context.Context, ready func(upstream.Info)) error {
	info := upstream.Info{Era: c.era, Version: mcp.LatestLegacy, Streams: !c.line, Hello: []byte(`{"capabilities":{}}`)}
	if c.era == mcp.Modern {
		info.Version = mcp.LatestModern
	}
	if c.list != nil {
		info.Hello = []byte(`{"capabilities":{"tools":{}}}`)
	}
	ready(info)
	<-ctx.Done()
	return context.Cause(ctx)
}

func (c actedConn) Call(ctx context.Context, r *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	rest, err := `"result":{}`, error(nil)
	switch r.Method {
	case mcp.MethodToolsCall:
		rest, err = c.tool(ctx, r, up)
	case mcp.MethodToolsList:
		rest = `"result":{"tools":[` + c.list() + `]}`
	case mcp.MethodListen:
		if c.hear != nil {
			m, _ := mcp.Scan(r.Body)
			c.hear(up, m.Value(mcp.FieldNotifications))
		}
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	if err != nil {
		return mcp.Message{}, err
	}
	return mcp.Scan(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,%s}`, r.ID, rest))
}

func (actedConn) Notify(context.Context, []byte) error { return nil }

// act runs a gateway in front of the backend b until t ends, and returns the sink of its connection too. It is for bubbles.
func (d acted) act(t *testing.T) (*Gateway, upstream.Sink) {
	d.own = make(chan upstream.Sink, 1)
	g := New(Options{Log: slog.New(slog.DiscardHandler), Sessions: session.NewTable(session.Limits{})},
		Setup{Backends: []Spec{{Name: "b", Identity: "b", Driver: d, Isolation: Shared, ConnectionTimeout: time.Hour, RequestTimeout: time.Minute}}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return g, <-d.own
}

// modern calls the tool for a modern client; more are members of params, with a comma before.
func (g *Gateway) modern(t *testing.T, capabilities, more string) (Answer, error) {
	c := &Client{Scope: Scope{Backend: "b"}, Principal: Anonymous, Era: mcp.Modern, Meta: mcp.ClientMeta{Version: mcp.LatestModern, Capabilities: []byte(capabilities)}}
	return g.Serve(t.Context(), c, scan(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"%s}}`, more), nil)
}

// person is a legacy client who answers each question of mode URL.
type person struct {
	g *Gateway
	c *Client

	mu   sync.Mutex
	said []string // to it, on the streams of its calls
}

func (g *Gateway) person(t *testing.T, capabilities string) *person {
	s, err := g.opts.Sessions.Open(session.Spec{Principal: Anonymous, Version: mcp.LatestLegacy, Capabilities: []byte(capabilities)})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{g: g, c: SessionClient(Scope{Backend: "b"}, s)}
	g.hub.join(p.c)
	return p
}

func (p *person) Send(msg []byte) {
	p.mu.Lock()
	p.said = append(p.said, string(msg))
	p.mu.Unlock()
	if m, err := mcp.Scan(msg); err == nil && m.Kind == mcp.Request {
		answer, _ := mcp.Scan(mcp.AppendResult(nil, m.IDBytes(), []byte(`{"action":"accept"}`)))
		go p.g.Answer(p.c, &answer)
	}
}

// call calls the tool.
func (p *person) call(t *testing.T) (Answer, error) {
	return p.g.Serve(t.Context(), p.c, scan(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}`), p)
}

// own returns the first message of the session's own stream, "" if there is none.
func (p *person) own(t *testing.T) (msg string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = p.c.Session.Attach(ctx, 0, func(m []byte) error {
		msg = string(m)
		return context.Canceled
	}, nil)
	return msg
}

const visit = `{"mode":"url","message":"m","url":"https://example.com/?a=b","elicitationId":"visit-1"}`

// TestAQuestionThatNobodyAnswersExpires: the backend hears so, its call is ended, and the ticket is void. Until then the
// silence of the backend, who waits, does not count.
func TestAQuestionThatNobodyAnswersExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan string, 3)
		d := acted{era: mcp.Legacy, tool: func(ctx context.Context, _ *upstream.Request, up upstream.Sink) (string, error) {
			for _, q := range []string{`"id":"e","method":"elicitation/create","params":{"message":"m","requestedSchema":{}}`, `"id":"s","method":"sampling/createMessage","params":{}`} {
				up.Ask(scan(t, `{"jsonrpc":"2.0",%s}`, q), func(answer []byte) { heard <- string(answer) })
			}
			<-ctx.Done()
			heard <- context.Cause(ctx).Error()
			return "", context.Cause(ctx)
		}}
		g, _ := d.act(t)
		a, err := g.modern(t, `{"elicitation":{},"sampling":{}}`, ``)
		if err != nil || !strings.Contains(string(a.Body), `"input_required"`) {
			t.Fatalf("got %s, %v", a.Body, err)
		}
		_, state, _ := strings.Cut(string(a.Body), `"requestState":"`)
		state, _, _ = strings.Cut(state, `"`)
		time.Sleep(parkTime - time.Second)
		synctest.Wait()
		if len(heard) > 0 {
			t.Fatalf("given up early: %s", <-heard)
		}
		time.Sleep(time.Second)
		for _, want := range []string{
			`{"jsonrpc":"2.0","id":"e","result":{"action":"cancel"}}`,
			`{"jsonrpc":"2.0","id":"s","error":{"code":-32603,"message":"the client did not answer in time"}}`,
			errParkExpired.Error(),
		} {
			if got := <-heard; got != want {
				t.Errorf("the backend heard %s, wanted %s", got, want)
			}
		}
		synctest.Wait()
		if _, err := g.modern(t, `{}`, `,"requestState":"`+state+`"`); err != errTicketOld {
			t.Errorf("the ticket is answered with %v", err)
		}
	})
}

// TestAnErrorThatWantsAVisitBecomesAQuestion to a modern client that can visit URLs.
func TestAnErrorThatWantsAVisitBecomesAQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := acted{era: mcp.Legacy, tool: func(context.Context, *upstream.Request, upstream.Sink) (string, error) {
			return `"error":{"code":-32042,"message":"log in first","data":{"elicitations":[` + visit + `]}}`, nil
		}}
		g, _ := d.act(t)
		a, err := g.modern(t, `{"elicitation":{"url":{}}}`, ``)
		const want = `"inputRequests":{"q1":{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"https://example.com/?a=b"}}}`
		if err != nil || !strings.Contains(string(a.Body), want) || !strings.Contains(string(a.Body), `"input_required"`) {
			t.Errorf("got %s, %v", a.Body, err)
		}
		if _, err := g.modern(t, `{"elicitation":{}}`, ``); err == nil || !strings.Contains(err.Error(), "visit a URL first") {
			t.Errorf("a client that cannot gets %v", err)
		}
		a, err = g.person(t, `{"elicitation":{"url":{}}}`).call(t)
		if err != nil || !strings.Contains(string(a.Body), `{"code":-32042,"message":"log in first","data":{"elicitations":[`+visit+`]}}`) {
			t.Errorf("a legacy client gets %s, %v", a.Body, err)
		}
	})
}

// TestTheEndOfAVisitIsToldToWhoWasAsked, whichever way the question came.
func TestTheEndOfAVisitIsToldToWhoWasAsked(t *testing.T) {
	t.Parallel()
	for _, byError := range []bool{false, true} {
		t.Run(fmt.Sprintf("by an error %v", byError), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tool := func(_ context.Context, _ *upstream.Request, up upstream.Sink) (string, error) {
					if byError {
						return `"error":{"code":-32042,"message":"m","data":{"elicitations":[` + visit + `]}}`, nil
					}
					answered := make(chan struct{})
					up.Ask(scan(t, `{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":%s}`, visit), func([]byte) { close(answered) })
					<-answered
					return `"result":{}`, nil
				}
				g, sink := acted{era: mcp.Legacy, tool: tool}.act(t)
				asked, other := g.person(t, `{"elicitation":{"url":{}}}`), g.person(t, `{"elicitation":{"url":{}}}`)
				if _, err := asked.call(t); err != nil {
					t.Fatal(err)
				}
				const done = `{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"visit-1","v":1.0}}`
				sink.Notify(scan(t, done))
				if got := asked.own(t); got != done {
					t.Errorf("who was asked hears %q", got)
				}
				if got := other.own(t); got != "" {
					t.Errorf("another hears %q", got)
				}
			})
		})
	}
}

// TestAModernBackendsVisitHasAnID towards a version that requires one, and leaves the URL alone.
func TestAModernBackendsVisitHasAnID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const params = `{"mode":"url","message":"m","url":"https://example.com/?a=b"}`
		d := acted{era: mcp.Modern, tool: func(_ context.Context, r *upstream.Request, _ upstream.Sink) (string, error) {
			if strings.Contains(string(r.Body), `"inputResponses":{"k":{"action":"accept"}}`) && strings.Contains(string(r.Body), `"requestState":"s\u0061"`) {
				return `"result":{"resultType":"complete","content":[]}`, nil
			}
			return `"result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":` + params + `}},"requestState":"s\u0061"}`, nil
		}}
		g, _ := d.act(t)
		p := g.person(t, `{"elicitation":{"url":{}}}`)
		if a, err := p.call(t); err != nil || !strings.Contains(string(a.Body), `"complete"`) {
			t.Fatalf("got %s, %v", a.Body, err)
		}
		m := scan(t, "%s", p.said[0])
		id, ok := mcp.Unquote(mcp.Member(m.Bytes(m.Params), "elicitationId"))
		if !ok || len(id) < 32 || string(mcp.Without(m.Bytes(m.Params), "elicitationId")) != params {
			t.Errorf("asked %s", m.Raw)
		}
	})
}

// TestAStateAloneIsBroughtBack, after a pause that grows, and not for ever.
func TestAStateAloneIsBroughtBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		after int // how often the backend wants it
		why   string
		took  time.Duration
	}{
		{"three times", 3, "", (1 + 2 + 3) * stateDelay},
		{"for ever", 1000, "asked for input more than 32 times", (1+25)*25/2*stateDelay + 7*5*time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ids := make(map[uint64]bool)
				d := acted{era: mcp.Modern, tool: func(_ context.Context, r *upstream.Request, _ upstream.Sink) (string, error) {
					if len(ids) > 0 && !strings.Contains(string(r.Body), fmt.Sprintf(`"requestState":"%d\u0061"`, len(ids))) {
						t.Errorf("request %d is %s", len(ids)+1, r.Body)
					}
					if ids[r.ID] = true; len(ids) > tt.after {
						return `"result":{"resultType":"complete","content":[]}`, nil
					}
					return fmt.Sprintf(`"result":{"resultType":"input_required","requestState":"%d\u0061"}`, len(ids)), nil
				}}
				g, _ := d.act(t)
				began := time.Now()
				a, err := g.person(t, `{}`).call(t)
				if tt.why == "" && (err != nil || !strings.Contains(string(a.Body), `"complete"`)) {
					t.Errorf("got %s, %v", a.Body, err)
				}
				if tt.why != "" && (err == nil || !strings.Contains(err.Error(), tt.why)) {
					t.Errorf("got %s, %v", a.Body, err)
				}
				if took := time.Since(began); took != tt.took {
					t.Errorf("it took %s, wanted %s", took, tt.took)
				}
			})
		})
	}
}
