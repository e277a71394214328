package endtoend_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"onemcp/internal/mcp"
)

// ended turns the regular end of messages into none.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// posting is a wire of POSTs: the answer to each brings what belongs to it.
type posting struct{ *client }

func newPosting(r *rig, era mcp.Era, path string) *posting {
	r.t.Helper()
	c := r.client(era, path)
	c.capabilities = canAnswer
	if era == mcp.Legacy {
		c.initialize()
	}
	return &posting{c}
}

func (p *posting) respond(body []byte) error {
	reply, err := p.tryPost(context.Background(), body)
	if err != nil {
		return err
	}
	if reply.close(); reply.status != http.StatusAccepted {
		return fmt.Errorf("an answer was answered with %d", reply.status)
	}
	return nil
}

func (p *posting) begin(ctx context.Context, _ string, body []byte) (messages, error) {
	ctx, cancel := context.WithCancel(ctx)
	reply, err := p.tryPost(ctx, body)
	if err != nil {
		cancel()
		return nil, err
	}
	return &closing{reply, cancel}, nil
}

// closing is a reply whose close ends the request.
type closing struct {
	*reply
	cancel context.CancelFunc
}

func (c *closing) close() {
	c.cancel()
	c.reply.close()
}

func (p *posting) cancel(id string) error {
	reply, err := p.tryPost(context.Background(), mcp.AppendNotification(nil, mcp.NoteCancelled, []byte(`{"requestId":`+id+`}`)))
	if err != nil {
		return err
	}
	reply.close()
	return nil
}

// oldClient is a wire of the old transport: one stream brings everything.
type oldClient struct {
	*client
	p *person

	mu    sync.Mutex
	calls map[string]*mailbox // by id
	bad   error
}

// mailbox holds the messages of one call.
type mailbox struct {
	c       *oldClient
	id      string
	box     chan []byte
	over    chan struct{} // closed when the call is given up
	once    sync.Once
	ctxDone <-chan struct{}
}

func newOldClient(r *rig, path string, p *person) *oldClient {
	r.t.Helper()
	o := &oldClient{client: r.client(mcp.Legacy, path), p: p, calls: make(map[string]*mailbox)}
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := o.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	in := bufio.NewReader(resp.Body)
	name, data, err := nextEvent(in)
	if err != nil || name != "endpoint" {
		r.t.Fatalf("the stream begins with %q %q, %v", name, data, err)
	}
	o.url = r.url + string(data)
	var reading sync.WaitGroup
	reading.Go(func() { o.read(ctx, in) })
	r.t.Cleanup(func() {
		cancel()
		reading.Wait()
		_ = resp.Body.Close()
		if o.bad != nil {
			r.t.Errorf("%s: %v", p.tag, o.bad)
		}
	})
	o.hello()
	return o
}

func (o *oldClient) hello() {
	o.t.Helper()
	in, err := o.begin(o.t.Context(), `"hello"`, []byte(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":`+canAnswer+`,"clientInfo":{"name":"old","version":"1"}}}`))
	if err != nil {
		o.t.Fatal(err)
	}
	defer in.close()
	if msg, err := in.next(); err != nil || !bytes.Contains(msg, []byte(`"result"`)) {
		o.t.Fatalf("initialize was answered with %s, %v", msg, err)
	}
	o.notify(mcp.NoteInitialized, `{}`)
}

// read hands out what the stream brings.
func (o *oldClient) read(ctx context.Context, in *bufio.Reader) {
	for {
		_, data, err := nextEvent(in)
		if err == nil {
			err = o.deliver(data)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			o.fail(err)
			return
		}
	}
}

// deliver gives a message to the call that its id or its token names; a log message names none.
func (o *oldClient) deliver(msg []byte) error {
	m, err := mcp.Scan(msg)
	if err != nil {
		return err
	}
	switch {
	case m.Method == mcp.NoteMessage:
		text, _ := mcp.Unquote(mcp.Member(m.Bytes(m.Params), "data"))
		if !strings.HasPrefix(text, o.p.tag) {
			return fmt.Errorf("log message %s", msg)
		}
		return nil
	case m.Method == mcp.NoteProgress:
		return o.hand(swapped(string(m.Value(mcp.FieldToken))), msg)
	case m.Method == mcp.MethodElicit, m.Method == mcp.MethodSampling:
		return o.hand(o.p.idIn(string(msg)), msg)
	case m.Method != "":
		return fmt.Errorf("unexpected %s", msg)
	}
	return o.hand(string(m.IDBytes()), msg)
}

// swapped returns the id that belongs to a token: the same number, but a string if that is a number.
func swapped(token string) string {
	if number, ok := strings.CutPrefix(token, `"`); ok {
		return strings.TrimSuffix(number, `"`)
	}
	return `"` + token + `"`
}

func (o *oldClient) hand(id string, msg []byte) error {
	o.mu.Lock()
	box := o.calls[id]
	o.mu.Unlock()
	if box == nil {
		return fmt.Errorf("for no call: %s", msg)
	}
	select {
	case box.box <- msg:
	case <-box.over:
		if m, _ := mcp.Scan(msg); m.Method == "" {
			return fmt.Errorf("a cancelled call was answered: %s", msg)
		}
	}
	return nil
}

func (o *oldClient) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bad = err
	for _, box := range o.calls {
		box.close()
	}
}

func (o *oldClient) begin(ctx context.Context, id string, body []byte) (messages, error) {
	box := &mailbox{c: o, id: id, box: make(chan []byte), over: make(chan struct{}), ctxDone: ctx.Done()}
	o.mu.Lock()
	err := o.bad
	o.calls[id] = box
	o.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return box, o.send(body)
}

func (o *oldClient) respond(body []byte) error { return o.send(body) }

func (o *oldClient) send(body []byte) error {
	reply, err := o.tryPost(context.Background(), body)
	if err != nil {
		return err
	}
	reply.close()
	if reply.status != http.StatusAccepted {
		return fmt.Errorf("status %d", reply.status)
	}
	return nil
}

// cancel gives up a call; from then on only what was on its way may come for it.
func (o *oldClient) cancel(id string) error {
	o.mu.Lock()
	box := o.calls[id]
	o.mu.Unlock()
	defer box.close()
	return o.send(mcp.AppendNotification(nil, mcp.NoteCancelled, []byte(`{"requestId":`+id+`}`)))
}

func (b *mailbox) next() ([]byte, error) {
	select {
	case msg := <-b.box:
		return msg, nil
	case <-b.over:
		return nil, io.EOF
	case <-b.ctxDone:
		return nil, fmt.Errorf("nothing has come for %s", b.id)
	}
}

// close forgets nothing: what comes later must still be told from what belongs to nobody.
func (b *mailbox) close() {
	b.once.Do(func() { close(b.over) })
}
