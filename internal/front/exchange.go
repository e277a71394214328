package front

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"onemcp/internal/accesslog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/trace"
	"onemcp/internal/trustproxy"
	"onemcp/internal/wire"
)

// smallBody is up to what size net/http finds out the length of a body by itself.
const smallBody = 1 << 10

// jsonBody is the header Content-Type of answers; nobody changes it.
var jsonBody = []string{typeJSON}

// exchange is one request and its answer: the response writer of the handlers, and what the access
// log says in the end.
type exchange struct {
	http.ResponseWriter
	front   *Front
	request *http.Request
	id      string
	started time.Time
	status  int    // 0: nothing written yet
	bytes   int64  // of the body
	session string // id; the log shows its hash
	hash    string // of session
	version string // of the protocol, for the trace; empty: not known
	err     error  // why the request was refused or failed
	partial bool   // the body is not whole yet

	access   *Access             // in force for this request
	policy   *trustproxy.Policy  // by which it was decided
	decision trustproxy.Decision // who asks; derived once
	route    kind                // what was asked for
}

func (f *Front) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, front: f, request: r, id: f.ids.next(), started: time.Now()}
	w.Header()["X-Request-Id"] = []string{x.id}
	if r.ContentLength != 0 {
		x.readDeadline(f.BodyTimeout) // also where nobody reads the body: net/http waits for the rest of it
	}
	return x
}

// Unwrap lets http.ResponseController through.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.bytes += int64(n)
	return n, err
}

// finish is deferred: it turns a panic into a 500, and logs the request.
func (x *exchange) finish(r *http.Request) {
	p := recover()
	begun := x.status != 0
	if p != nil && p != http.ErrAbortHandler {
		x.err = fault.New(fault.Internal, "panic: %v", p)
		x.front.Log.Error("a request panicked", "request", x.id, "panic", p, "stack", stack())
		if !begun {
			x.answer(http.StatusInternalServerError, mcp.AppendError(nil, nil, mcp.CodeInternal, "internal error", nil))
		}
	}
	took := time.Since(x.started)
	x.front.Metrics.Request(x.route.String(), x.status, x.decision.Status, took)
	x.log(r, took)
	if begun && (p != nil || x.partial) {
		panic(http.ErrAbortHandler) // the client must not take a broken body for a whole one
	}
}

func (x *exchange) log(r *http.Request, took time.Duration) {
	log := x.front.AccessLog
	if !log.Enabled() {
		return
	}
	d := &x.decision
	client, peer := x.callerTexts()
	line := accesslog.Line{
		Time:     x.started.Add(took),
		Request:  x.id,
		Method:   r.Method,
		Path:     r.URL.Path,
		Status:   x.status,
		Bytes:    x.bytes,
		Duration: took,
		Client:   client,
		Peer:     peer,
		IPStatus: d.Status.String(),
		Hops:     d.Hops,
		Scheme:   d.Scheme,
		Host:     d.Host,
		Session:  x.hash,
	}
	if d.Flags != 0 {
		line.Flags = d.Flags.Names()
	}
	if x.err != nil {
		line.Err = logged(x.err)
	}
	log.Write(&line)
}

// callerTexts are the addresses of client and peer as logs may show them. Without a proxy they are one.
func (x *exchange) callerTexts() (client, peer string) {
	d := &x.decision
	peer = d.PeerText()
	switch {
	case x.access.MaskClient && d.Client.IsValid():
		return trustproxy.Masked(d.Client).String(), peer
	case d.Client == d.Peer:
		return peer, peer
	}
	return d.ClientText(), peer
}

// answer writes a JSON body, whole.
func (x *exchange) answer(status int, body []byte) {
	h := x.Header()
	h["Content-Type"] = jsonBody
	if len(body) > smallBody {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.saw(trace.Sent, body)
	x.WriteHeader(status)
	_, _ = x.Write(body) // a client that is gone needs no answer
}

func (x *exchange) writeDeadline() {
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now().Add(x.front.WriteTimeout))
}

// readDeadline bounds what is left of the request's body; 0 lifts the bound.
func (x *exchange) readDeadline(after time.Duration) {
	var t time.Time
	if after > 0 {
		t = time.Now().Add(after)
	}
	_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(t) // not every connection can
}

// refuse ends the request with the wire form of err.
func (x *exchange) refuse(err error, to target) {
	x.err = err
	r := refusalOf(err)
	if r.allow != "" {
		x.Header().Set("Allow", r.allow)
	}
	if r.retry > 0 {
		x.Header().Set("Retry-After", seconds(r.retry))
	}
	if to.kind.carriesMessages() {
		x.answer(r.status, r.body(err))
		return
	}
	x.answer(r.status, append(mcp.Quote([]byte(`{"error":`), wire.Public(err)), '}'))
}

// requestIDs numbers the requests of this process.
type requestIDs struct {
	prefix string
	last   atomic.Uint64
}

func newRequestIDs() *requestIDs {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return &requestIDs{prefix: hex.EncodeToString(b[:]) + "-"}
}

func (s *requestIDs) next() string {
	return string(strconv.AppendUint(append(make([]byte, 0, 24), s.prefix...), s.last.Add(1), 10))
}
