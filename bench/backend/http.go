package backend

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"onemcp/bench/http1"
)

// Serve answers HTTP on listeners until the context ends or one of them fails, and returns after every connection
// has ended. The path of a request names the profile of the server that it is for.
func Serve(ctx context.Context, listeners ...net.Listener) error {
	h := &host{open: map[net.Conn]bool{}, servers: map[string]*Server{}}
	end := func() {
		for _, l := range listeners {
			l.Close()
		}
		h.closeAll()
	}
	stop := context.AfterFunc(ctx, end)
	defer stop()
	defer h.connections.Wait()
	ended := make(chan error)
	for _, l := range listeners {
		go func() { ended <- h.accept(ctx, l) }()
	}
	var first error
	for range listeners {
		if err := <-ended; err != nil && first == nil {
			first = err
			end()
		}
	}
	return first
}

// accept serves the connections to one listener.
func (h *host) accept(ctx context.Context, listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		h.connections.Go(func() { h.serve(conn) })
	}
}

// host is a process that is many servers.
type host struct {
	connections sync.WaitGroup
	sessions    atomic.Int64

	mu      sync.Mutex
	closed  bool
	open    map[net.Conn]bool
	servers map[string]*Server
}

// server returns the server of a path, made when it is first asked for.
func (h *host) server(path string) (*Server, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.servers[path]; s != nil {
		return s, nil
	}
	profile, err := ParsePath(path)
	if err != nil {
		return nil, err
	}
	s, err := New(profile)
	if err == nil {
		h.servers[path] = s
	}
	return s, err
}

// enter notes an open connection; it reports false when no more are served.
func (h *host) enter(conn net.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[conn] = true
	return !h.closed
}

func (h *host) leave(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, conn)
	conn.Close()
}

func (h *host) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for conn := range h.open {
		conn.Close()
	}
}

// link is a connection: what it asked for last, and the buffers of its answers.
type link struct {
	host    *host
	conn    net.Conn
	reader  *http1.Reader
	target  string
	server  *Server
	body    []byte
	message []byte
}

func (h *host) serve(conn net.Conn) {
	defer h.leave(conn)
	if !h.enter(conn) {
		return
	}
	l := &link{host: h, conn: conn, reader: http1.NewReader(conn)}
	for l.exchange() == nil {
	}
}

var errEnd = errors.New("the connection ends")

// exchange answers one request.
func (l *link) exchange() error {
	head, err := l.reader.Head()
	if err != nil {
		return err
	}
	method, target := head.Line()
	kind := string(method)
	if l.server == nil || string(target) != l.target {
		l.target = string(target)
		if l.server, err = l.host.server(l.target); err != nil {
			l.server = nil
		}
	}
	last := head.Close
	body, err := l.reader.Body(head)
	if err != nil {
		return err
	}
	if err := l.answer(kind, body); err != nil {
		return err
	}
	if last {
		return errEnd
	}
	return nil
}

func (l *link) answer(method string, body []byte) error {
	switch {
	case l.server == nil:
		return l.write(reply{status: 404}, "")
	case method == "DELETE" && l.server.profile.Era != Modern:
		return l.write(reply{status: 200}, "")
	case method != "POST":
		return l.write(reply{status: 405}, "Allow: POST\r\n")
	}
	answer := l.server.answer(l.body[:0], body)
	l.body = answer.head
	session := ""
	if answer.opens {
		session = "Mcp-Session-Id: s" + strconv.FormatInt(l.host.sessions.Add(1), 10) + "\r\n"
	}
	return l.write(answer, session)
}

// write sends an answer in one system call.
func (l *link) write(a reply, headers string) error {
	out := append(l.message[:0], "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(a.status), 10)
	out = append(append(out, ' '), http.StatusText(a.status)...)
	out = append(append(out, "\r\n"...), headers...)
	end := ""
	if l.server != nil && l.server.profile.Events && a.status == 200 && len(a.head) > 0 {
		out, end = beginEvent(out, len(a.head)+len(a.tail))
	} else {
		out = beginBody(out, a)
	}
	out = append(out, a.head...)
	if a.tail == nil {
		l.message = append(out, end...)
		_, err := l.conn.Write(l.message)
		return err
	}
	l.message = out
	parts := net.Buffers{out, a.tail, []byte(end)}
	_, err := parts.WriteTo(l.conn)
	return err
}

func beginBody(out []byte, a reply) []byte {
	if len(a.head) > 0 && a.status != 202 {
		out = append(out, "Content-Type: application/json\r\n"...)
	}
	out = append(out, "Content-Length: "...)
	out = strconv.AppendInt(out, int64(len(a.head)+len(a.tail)), 10)
	return append(out, "\r\n\r\n"...)
}

// beginEvent begins a stream of one event with so many bytes of data, in one chunk, and returns what comes behind these.
func beginEvent(out []byte, length int) (begun []byte, end string) {
	const before, behind = "event: message\ndata: ", "\n\n"
	out = append(out, "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"...)
	out = strconv.AppendInt(out, int64(len(before)+length+len(behind)), 16)
	return append(out, "\r\n"+before...), behind + "\r\n0\r\n\r\n"
}
