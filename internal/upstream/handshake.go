package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// Wire is what a handshake needs of a connection that is open but not ready.
type Wire interface {
	Caller
	Notify(ctx context.Context, body []byte) error
	// Speak tells the connection which version the following messages are in, before they are sent; HTTP
	// repeats it in a header. The empty version stands for an initialize, which has none yet.
	Speak(version string)
}

// Handshake opens w as o says. It returns [LateProbe] when w must be closed and opened as modern,
// and otherwise the error of the last attempt.
func Handshake(ctx context.Context, w Wire, o Opening) (Info, error) {
	within, stop := life.Within(ctx, o.Timeout,
		fault.New(fault.Timeout, "no answer to the opening within %s", o.Timeout).
			WithHint("raise connectionTimeout if the server starts slowly"))
	defer stop()
	h := handshake{w: w, o: o}
	switch o.Era {
	case mcp.Legacy:
		return h.initialize(within)
	case mcp.Modern:
		info, err := h.discover(within)
		if errors.Is(err, errLegacy) {
			err = fault.New(fault.Unavailable, "the server does not speak %s", mcp.LatestModern).WithHint(`remove "protocol" or set it to "legacy"`)
		}
		return info, err
	}
	return h.probe(within)
}

// errLegacy says that a probe found a legacy server.
var errLegacy = errors.New("a legacy server")

type handshake struct {
	w Wire
	o Opening
}

type outcome struct {
	info Info
	err  error
}

// probe asks for the modern era and falls back to initialize on any error or on silence.
func (h handshake) probe(ctx context.Context) (Info, error) {
	ctx, cancel := context.WithCancel(ctx)
	discovered := make(chan outcome, 1)
	go func() {
		info, err := h.discover(ctx)
		discovered <- outcome{info, err}
	}()
	silence := time.NewTimer(h.probeTime())
	defer silence.Stop()
	select {
	case o := <-discovered:
		defer cancel()
		if errors.Is(o.err, errLegacy) {
			return h.initialize(ctx)
		}
		return o.info, o.err
	case <-silence.C:
		return h.race(ctx, cancel, discovered)
	}
}

// race sends initialize while the answer to server/discover is still out. A modern answer that comes
// first wins.
func (h handshake) race(ctx context.Context, cancel context.CancelFunc, discovered chan outcome) (Info, error) {
	initialized := make(chan outcome, 1)
	go func() {
		info, err := h.initialize(ctx)
		initialized <- outcome{info, err}
	}()
	select {
	case o := <-initialized:
		cancel()
		<-discovered
		return o.info, o.err
	case o := <-discovered:
		if o.err == nil {
			cancel()
			<-initialized
			return Info{}, LateProbe{}
		}
		o = <-initialized
		cancel()
		return o.info, o.err
	}
}

func (h handshake) probeTime() time.Duration {
	if h.o.Probe > 0 {
		return h.o.Probe
	}
	return min(h.o.Timeout/3, 10*time.Second)
}

// discover opens in the modern era, at the second attempt in the version that a refusal of the first
// asks for. errLegacy means that the server answered, but not as a modern one.
func (h handshake) discover(ctx context.Context) (Info, error) {
	version := mcp.LatestModern
	if mcp.EraOf(h.o.Version) == mcp.Modern {
		version = h.o.Version
	}
	m, err := h.discoverIn(ctx, version)
	if err != nil {
		return Info{}, err
	}
	if wanted := wantedVersion(&m); wanted != "" {
		if m, err = h.discoverIn(ctx, wanted); err != nil {
			return Info{}, err
		}
	}
	return judgeDiscovery(&m)
}

func (h handshake) discoverIn(ctx context.Context, version string) (mcp.Message, error) {
	h.w.Speak(version)
	m, err := h.w.Call(ctx, h.discoverRequest(version), Discard{})
	return m, probeError(err)
}

// wantedVersion returns the best modern version of those that a refusal for the version lists, empty if it
// lists none or is something else.
func wantedVersion(m *mcp.Message) string {
	if m.Kind != mcp.Error || m.ErrorCode() != mcp.CodeUnsupportedVersion {
		return ""
	}
	return mcp.BestOf(mcp.Modern, texts(mcp.Member(m.ErrorData(), "supported")))
}

// texts returns the strings of a raw array.
func texts(raw []byte) (list []string) {
	for _, e := range mcp.Elements(raw) {
		if text, ok := mcp.Unquote(e); ok {
			list = append(list, text)
		}
	}
	return list
}

func (h handshake) discoverRequest(version string) *Request {
	meta := h.o.Client
	meta.Version, meta.LogLevel = version, ""
	bare, _ := mcp.Scan(mcp.AppendRequest(nil, 0, mcp.MethodDiscover, nil)) // our own text
	id := h.o.NextID()
	body := bare.RewriteRequest(nil, mcp.RequestRewrite{ID: id, Relabel: mcp.SetLabels, Meta: meta})
	return &Request{ID: id, Method: mcp.MethodDiscover, Body: body}
}

// probeError sorts the failures of a probe: a refusal by HTTP status means legacy, unless it
// asks for credentials; all others are what they are.
func probeError(err error) error {
	status, ok := errors.AsType[*StatusError](err)
	if !ok {
		return err
	}
	if status.Code >= 400 && status.Code < 500 && status.Code != http.StatusUnauthorized && status.Code != http.StatusForbidden && status.Code != http.StatusTooManyRequests {
		return errLegacy
	}
	return err
}

// judgeDiscovery decides the era by the versions a server lists, never by success alone.
func judgeDiscovery(m *mcp.Message) (Info, error) {
	if m.Kind == mcp.Error {
		return Info{}, errLegacy // also -32022 once more: it wants nothing that we speak
	}
	result := m.Bytes(m.Result)
	listed := texts(mcp.Member(result, "supportedVersions"))
	version := mcp.BestOf(mcp.Modern, listed)
	if version == "" {
		return Info{}, errLegacy
	}
	info := Info{Era: mcp.Modern, Version: version, Eras: []mcp.Era{mcp.Modern}, Hello: result}
	if mcp.BestOf(mcp.Legacy, listed) != "" {
		info.Eras = append(info.Eras, mcp.Legacy)
	}
	return info, nil
}

func (h handshake) initialize(ctx context.Context) (Info, error) {
	version := mcp.LatestLegacy
	if mcp.EraOf(h.o.Version) == mcp.Legacy {
		version = h.o.Version
	}
	h.w.Speak("")
	id := h.o.NextID()
	m, err := h.w.Call(ctx, &Request{ID: id, Method: mcp.MethodInitialize, Body: h.initializeBody(id, version)}, Discard{})
	if err != nil {
		return Info{}, err
	}
	if m.Kind == mcp.Error {
		return Info{}, fault.New(fault.Unavailable, "the server refused initialize: %s (code %d)", m.ErrorMessage(), m.ErrorCode()).
			WithHint(`its own log may say why; "protocol" asks it for another version`)
	}
	result := m.Bytes(m.Result)
	wanted, _ := mcp.Unquote(mcp.Member(result, "protocolVersion"))
	answered := mcp.BestOf(mcp.Legacy, []string{wanted}) // our own text, which keeps no message alive
	if answered == "" {
		return Info{}, fault.New(fault.Unavailable, "the server wants protocol version %q, which is unknown here", wanted).
			WithHint("known are %s; update the server, or 1mcp if there is a newer one", strings.Join(mcp.Versions(), ", "))
	}
	h.w.Speak(answered)
	if err := h.w.Notify(ctx, mcp.AppendNotification(nil, mcp.NoteInitialized, nil)); err != nil {
		return Info{}, fmt.Errorf("initialized: %w", err)
	}
	return Info{Era: mcp.Legacy, Version: answered, Eras: []mcp.Era{mcp.Legacy}, Hello: result}, nil
}

func (h handshake) initializeBody(id uint64, version string) []byte {
	params := mcp.Quote([]byte(`{"protocolVersion":`), version)
	params = append(params, `,"capabilities":`...)
	if h.o.Client.Capabilities == nil {
		params = append(params, `{}`...)
	}
	params = append(params, h.o.Client.Capabilities...)
	params = append(append(params, `,"clientInfo":`...), h.o.Client.Info...)
	return mcp.AppendRequest(nil, id, mcp.MethodInitialize, append(params, '}'))
}
