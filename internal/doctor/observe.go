package doctor

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"onemcp/internal/publicurl"
	"onemcp/internal/trustproxy"
)

// Observations are all that was seen. Plain data: everything a [Report] says follows from them.
type Observations struct {
	Version string // of this program
	Setup   Setup
	Direct  Call    // GET /whoami at the listener
	Public  *Public // nil: no public URL was given
}

// Setup is what the configuration says.
type Setup struct {
	Problems      []Problem
	Listener      Listener
	Trust         trustproxy.Setting
	ProxyProtocol bool // every connection must begin with a PROXY header
	External      []publicurl.External
	AllowedHosts  []string
	Heartbeat     time.Duration // silence on a stream until a comment is sent
	MaxBody       int64         // bytes of one request
}

// Problem is something wrong in the configuration file, as package config tells it.
type Problem struct {
	Text    string
	Warning bool
}

// Listener is where the gateway listens.
type Listener struct {
	Network string // tcp or unix
	Address string // host:port, or a path
	Local   bool   // only this machine reaches it
}

// String returns the address for people.
func (l Listener) String() string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	return l.Address
}

// Call is one request and what came of it.
type Call struct {
	URL       string
	Failure   Failure        // no answer came
	Local     netip.Addr     // our end of the connection; invalid when there is none, or on a unix socket
	Remote    netip.AddrPort // the other end
	Status    int
	Server    string     // header of the same name
	Body      string     // its beginning
	Redirects []Redirect // that were met on the way, in order
	Whoami    *Whoami    // nil: the answer was another
	Sent, Got time.Time
}

// Failure is why no answer came. The zero value is none.
type Failure struct {
	Kind string // "", dns, refused, tls, timeout, cut, denied, missing, other
	Text string
}

// Redirect is one answer that pointed elsewhere.
type Redirect struct {
	From, To string // absolute
	Status   int
}

// Whoami is the gateway's answer to GET /whoami.
type Whoami struct {
	Peer     string   `json:"peer"`
	ClientIP *string  `json:"clientIp"`
	Status   string   `json:"status"`
	Degraded bool     `json:"degraded"`
	Hops     int      `json:"hops"`
	Scheme   string   `json:"scheme"`
	Host     string   `json:"host"`
	RawHost  string   `json:"rawHost"`
	Sources  Sources  `json:"sources"`
	Flags    []string `json:"flags"`
	Steps    []string `json:"steps"`
	BaseURL  string   `json:"publicBaseUrl"`
	Proto    string   `json:"proto"`
	TLS      bool     `json:"tls"`
	Trusted  bool     `json:"trusted"` // the peer is

	// With a valid token only:

	Headers      [][2]string `json:"headers,omitempty"` // forwarding headers and Host, as received
	TrustProxy   string      `json:"trustProxy,omitempty"`
	ExternalURL  []string    `json:"externalUrl,omitempty"`
	AllowedHosts []string    `json:"allowedHosts,omitempty"`
	Heartbeat    int64       `json:"heartbeatInterval,omitempty"` // milliseconds
	Time         time.Time   `json:"time,omitzero"`
	Version      string      `json:"version,omitempty"`
}

// Sources says which header decided what.
type Sources struct {
	IP     string `json:"ip"`
	Scheme string `json:"scheme"`
	Host   string `json:"host"`
}

// Admitted reports whether the token was taken.
func (w *Whoami) Admitted() bool { return w != nil && w.Version != "" }

// Client returns the client's address, "" when there is none.
func (w *Whoami) Client() string {
	if w.ClientIP == nil {
		return ""
	}
	return *w.ClientIP
}

// Flag reports whether the gateway raised a flag.
func (w *Whoami) Flag(flags ...trustproxy.Flag) bool {
	return slices.ContainsFunc(flags, func(f trustproxy.Flag) bool { return slices.Contains(w.Flags, f.String()) })
}

// Values returns the lines of a header, in order. Underscores are not dashes here.
func (w *Whoami) Values(name string) []string {
	var out []string
	for _, h := range w.Headers {
		if strings.EqualFold(h[0], name) {
			out = append(out, h[1])
		}
	}
	return out
}

// List returns the members of a header that is a list.
func (w *Whoami) List(name string) []string {
	var out []string
	for _, line := range w.Values(name) {
		for entry := range strings.SplitSeq(line, ",") {
			if entry = strings.Trim(entry, " \t"); entry != "" {
				out = append(out, entry)
			}
		}
	}
	return out
}

// Public is what was seen through the public URL. Only Clean is there when it did not show the gateway.
type Public struct {
	URL    publicurl.External
	Clean  Call // GET /whoami
	Forged Forged
	Strip  Call // GET /whoami with a Connection header that lists the forwarding headers
	Plain  Call // POST /mcp, without a token
	Stream Stream
	Idle   *Stream // nil: not tried
	Body   Upload  // with a body
	Limit  Upload  // the gateway's limit announced, and no body sent unless asked to go on
	Header Upload  // with a long header
	Open   []string
}

// Forged is the call with forged headers.
type Forged struct {
	Call
	Headers [][2]string // as sent
	Address string      // claimed in the header that tells the client
}

// Stream is what came of GET /whoami/stream.
type Stream struct {
	Call
	Events int           // asked for
	Gap    time.Duration // between them, asked for
	First  time.Duration // from the request to the answer's head
	Came   []time.Duration
	Packed bool // the stream was compressed
	Cut    bool // it ended before its last event
}

// Upload is what came of a large request.
type Upload struct {
	Call
	Size int64
}
