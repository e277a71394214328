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
	header  http.Header // of the request
	id      [1]string   // as the header X-Request-Id has it
	started time.Time
	status  int    // 0: nothing written yet
	bytes   int64  // of the body
	session string // id; the log shows its hash
	hash    string // of session
	version string // of the protocol, for the trace; empty: not known
	err     error  // why the request was refused or failed
	partial bool   // the body is not whole yet
	route   kind   // what was asked for

	access   *Access             // in force for this request
	policy   *trustproxy.Policy  // by which it was decided
	decision trustproxy.Decision // who asks; derived once

	reply reply // to messages that are posted
}

func (f *Front) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, front: f, id: [1]string{f.ids.next()}, started: time.Now()}
	w.Header()["X-Request-Id"] = x.id[:]
	if r.ContentLength != 0 {
		x.readDeadline(x.started.Add(f.BodyTimeout)) // also where nobody reads the body: net/http waits for the rest of it
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
		x.front.Log.Error("a request panicked", "request", x.id[0], "panic", p, "stack", stack())
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
	line := accesslog.Line{
		Time:     x.started.Add(took),
		Request:  x.id[0],
		Method:   r.Method,
		Path:     r.URL.Path,
		Status:   x.status,
		Bytes:    x.bytes,
		Duration: took,
		Who:      &x.decision,
		Mask:     x.access.MaskClient,
		Session:  x.hash,
	}
	if x.err != nil {
		line.Err = logged(x.err)
	}
	log.Write(&line)
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

// readDeadline bounds what is left of the request's body; the zero time lifts the bound.
func (x *exchange) readDeadline(t time.Time) {
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
