package relay

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// maxRepeats is how many requests of the lost session are repeated at a time.
const maxRepeats = 16

// lasting is what a client has asked of its session for as long as that lives: to be asked of the next one too.
type lasting struct {
	mu    sync.Mutex
	level []byte   // params of logging/setLevel; nil: not asked
	uris  []string // subscribed to, in order
}

// note remembers a request that was answered with body.
func (l *lasting) note(m *mcp.Message, body []byte) {
	switch m.Method {
	case mcp.MethodSetLevel, mcp.MethodSubscribe, mcp.MethodUnsubscribe:
	default:
		return
	}
	if answer, err := mcp.Scan(body); err != nil || answer.Kind != mcp.Result {
		return
	}
	uri, _ := m.Text(mcp.FieldURI)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.Method == mcp.MethodSetLevel:
		l.level = append(append([]byte(`{"level":`), m.Value(mcp.FieldLevel)...), '}')
	case m.Method == mcp.MethodUnsubscribe:
		l.uris = slices.DeleteFunc(l.uris, func(one string) bool { return one == uri })
	case !slices.Contains(l.uris, uri):
		l.uris = append(l.uris, uri)
	}
}

func (l *lasting) now() (level []byte, uris []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.level, slices.Clone(l.uris)
}

// takeUp brings a new session to where the lost one was: the level at once, since the next call may log, the subscriptions
// beside the calls and in no order. Of what has changed while there was no session the client is told last: it has to read again what it
// follows. It is of no one call, though one waits for it.
func (r *Relay) takeUp(s *remote, local *session.Session) {
	level, uris := r.lasting.now()
	if level != nil {
		ctx, cancel := context.WithTimeout(r.ctx, maxLate)
		defer cancel()
		r.tell("the log level", r.repeat(ctx, s, mcp.MethodSetLevel, level))
	}
	r.tasks.Go(func() {
		r.subscribeAgain(s, local, uris)
		if r.session() != s {
			return
		}
		for _, list := range s.lists {
			local.Send(mcp.AppendNotification(nil, list, nil))
		}
	})
}

// subscribeAgain asks a new session for subscriptions, several at a time, until there is a newer one.
func (r *Relay) subscribeAgain(s *remote, local *session.Session, uris []string) {
	var group errgroup.Group
	group.SetLimit(maxRepeats)
	for _, uri := range uris {
		if r.session() != s {
			break
		}
		group.Go(func() error {
			if _, wanted := r.lasting.now(); slices.Contains(wanted, uri) {
				params := append(mcp.Quote([]byte(`{"uri":`), uri), '}')
				r.tell("a subscription", r.repeat(r.ctx, s, mcp.MethodSubscribe, params))
				local.Send(mcp.AppendNotification(nil, mcp.NoteResourceUpdated, params))
			}
			return nil
		})
	}
	_ = group.Wait() // it has no errors
}

// repeat asks a session what the client has asked the one before.
func (r *Relay) repeat(ctx context.Context, s *remote, method string, params []byte) error {
	id := fmt.Sprintf("1mcp-%d", r.repeats.Add(1)) // no other request in flight has it
	m, err := mcp.Scan(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%q,"method":%q,"params":%s}`, id, method, params))
	if err != nil {
		return err
	}
	k := &call{r: r, m: &m, st: nowhere{}}
	body, _, err := k.exchange(ctx, s.headers())
	if err != nil {
		return err
	}
	if answer, err := mcp.Scan(body); err != nil || answer.Kind != mcp.Result {
		return fault.New(fault.Unavailable, "the gateway at %s refuses it: %s", r.o.Shown, answer.ErrorMessage())
	}
	return nil
}

// changing returns the notifications of the lists that a server says to tell of.
func changing(capabilities []byte) (notes []string) {
	for _, list := range []struct{ name, note string }{
		{"tools", mcp.NoteToolsChanged},
		{"prompts", mcp.NotePromptsChanged},
		{"resources", mcp.NoteResourcesChanged},
	} {
		if string(mcp.Member(mcp.Member(capabilities, list.name), "listChanged")) == "true" {
			notes = append(notes, list.note)
		}
	}
	return notes
}
