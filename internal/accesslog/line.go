package accesslog

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"onemcp/internal/mcp"
	"onemcp/internal/trustproxy"
)

// Line is what is known of a request when it has ended.
type Line struct {
	Time     time.Time
	Request  string // its id
	Method   string
	Path     string
	Status   int
	Bytes    int64 // of the body of the answer
	Duration time.Duration
	Who      *trustproxy.Decision // who asked
	Mask     bool                 // the client's address is not shown whole
	Session  string               // hash of its id; empty: none
	Err      any                  // why it failed, for slog.Any; nil: it did not
}

// appendClient appends the client's address as it may be shown.
func (e *Line) appendClient(b []byte) []byte {
	if e.Mask && e.Who.Client.IsValid() {
		return trustproxy.Masked(e.Who.Client).AppendTo(b)
	}
	return e.Who.AppendClient(b)
}

// Log writes lines. Make it with [New].
type Log struct {
	slow *slog.Logger
	w    io.Writer // of the fast way; nil: there is none
	pool sync.Pool // of *[]byte
}

// New returns a log that writes through to, at level info. If w is not nil, to writes JSON to it, and plain lines may go
// there directly.
func New(to *slog.Logger, w io.Writer) *Log { return &Log{slow: to, w: w} }

// Enabled reports whether lines are written at all now.
func (l *Log) Enabled() bool { return l.slow.Enabled(context.Background(), slog.LevelInfo) }

// Write writes one line.
func (l *Log) Write(e *Line) {
	if l.w == nil || e.Err != nil || e.Who.Flags != 0 {
		l.slow.LogAttrs(context.Background(), slog.LevelInfo, "request", e.attrs()...)
		return
	}
	b, ok := l.pool.Get().(*[]byte)
	if !ok {
		b = new([]byte)
	}
	*b = e.appendJSON((*b)[:0])
	_, _ = l.w.Write(*b) // as slog does, a log that cannot be written is not told of
	l.pool.Put(b)
}

func (e *Line) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("request", e.Request),
		slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.Status),
		slog.Int64("bytes", e.Bytes),
		slog.Duration("duration", e.Duration),
		slog.String("client_ip", string(e.appendClient(nil))),
		slog.String("peer_ip", e.Who.PeerText()),
		slog.String("ip_status", e.Who.Status.String()),
		slog.Int("hops", e.Who.Hops),
		slog.String("scheme", e.Who.Scheme),
		slog.String("host", e.Who.Host),
	}
	if e.Who.Flags != 0 {
		attrs = append(attrs, slog.Any("flags", e.Who.Flags.Names()))
	}
	if e.Session != "" {
		attrs = append(attrs, slog.String("session", e.Session))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	return attrs
}

// appendJSON appends the line as slog's JSON handler writes it.
func (e *Line) appendJSON(b []byte) []byte {
	b = e.Time.AppendFormat(append(b, `{"time":"`...), time.RFC3339Nano)
	b = mcp.Quote(append(b, `","level":"INFO","msg":"request","request":`...), e.Request)
	b = mcp.Quote(append(b, `,"method":`...), e.Method)
	b = mcp.Quote(append(b, `,"path":`...), e.Path)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(e.Status), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), e.Bytes, 10)
	b = strconv.AppendInt(append(b, `,"duration":`...), int64(e.Duration), 10)
	b = append(b, `,"client_ip":"`...)
	b = endText(e.appendClient(b), len(b))
	b = append(b, `,"peer_ip":"`...)
	b = endText(e.Who.AppendPeer(b), len(b))
	b = mcp.Quote(append(b, `,"ip_status":`...), e.Who.Status.String())
	b = strconv.AppendInt(append(b, `,"hops":`...), int64(e.Who.Hops), 10)
	b = mcp.Quote(append(b, `,"scheme":`...), e.Who.Scheme)
	b = mcp.Quote(append(b, `,"host":`...), e.Who.Host)
	if e.Session != "" {
		b = mcp.Quote(append(b, `,"session":`...), e.Session)
	}
	return append(b, '}', '\n')
}

// endText ends the JSON string whose text begins at a place in b: the name of a network card may be anything.
func endText(b []byte, at int) []byte {
	for _, c := range b[at:] {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return mcp.Quote(b[:at-1], string(b[at:]))
		}
	}
	return append(b, '"')
}
