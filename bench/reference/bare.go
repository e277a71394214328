package reference

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"

	"onemcp/bench/backend"
)

const maxBody = 64 << 20

// Bare answers as a server of a profile does, from bytes prepared beforehand: it finds the id and
// the text in what it reads and writes them between. It also opens sessions, and streams on GET.
type Bare struct {
	server   *backend.Server
	sessions atomic.Int64
}

// NewBare returns a bare handler. With a list, that is the result of tools/list.
func NewBare(p backend.Profile, list []byte) (*Bare, error) {
	s, err := backend.New(p)
	if err == nil && list != nil {
		s = s.WithList(list)
	}
	return &Bare{server: s}, err
}

func (b *Bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodDelete:
		w.WriteHeader(http.StatusOK)
	case http.MethodGet:
		stream(w, r)
	case http.MethodPost:
		b.post(w, r)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (b *Bare) post(w http.ResponseWriter, r *http.Request) {
	body, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status, answer, opens := b.server.Answer(body)
	header := w.Header()
	if opens {
		header.Set("Mcp-Session-Id", "s"+strconv.FormatInt(b.sessions.Add(1), 10))
	}
	if len(answer) > 0 {
		header["Content-Type"] = []string{"application/json"}
	}
	header["Content-Length"] = []string{strconv.Itoa(len(answer))}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the client may have gone
}

// read reads a body of known length into memory of that length.
func read(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		return io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

// stream holds an event stream open until the client goes.
func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // the client may have gone
	<-r.Context().Done()
}
