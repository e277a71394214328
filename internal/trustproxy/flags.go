package trustproxy

import "math/bits"

// Flag names one oddity of a request. The set is bounded, so that a flag can be a metric's
// label.
type Flag uint32

// The flags. The last four are raised by the guards and by package trustwatch, never by
// [Policy.Derive]; they stand here because they share names, levels and metrics.
const (
	UntrustedHeaders Flag = 1 << iota // a peer outside the list sends forwarding headers
	SpoofPrefix                       // entries left of the client, made by the client
	Malformed                         // a broken entry next to the verified part
	Opaque                            // a hidden entry next to the verified part
	DuplicateSingle                   // a single-value header with several values
	ShortChain                        // the hop count is not reached
	TooLong                           // more than 64 entries
	MissingFor                        // a trusted proxy does not announce the client
	MissingProto                      // a trusted proxy does not announce the scheme
	BadProto                          // a scheme that is none
	BadHost                           // a host that is none
	ProtoList                         // several schemes
	HostList                          // several hosts
	Conflict                          // another header tells another story
	AliasHeader                       // a forwarding header spelled with underscores
	ConnectionStrip                   // Connection lists a forwarding header
	PrivateViaPublic                  // a public proxy reports a private client
	AllTrusted                        // the walk ended inside the list
	Martian                           // the client's address can be nobody's
	IPChurn                           // one session from many networks
	HeaderRotation                    // one peer with many claims
	HostDenied                        // the host guard refused
	OriginDenied                      // the origin guard refused
)

// flagNames is in the order of the bits.
var flagNames = [...]string{
	"untrusted_headers", "spoof_prefix", "malformed", "opaque", "duplicate_single", "short_chain", "too_long",
	"missing_for", "missing_proto", "bad_proto", "bad_host", "proto_list", "host_list", "conflict", "alias_header",
	"connection_strip", "private_via_public", "all_trusted", "martian", "ip_churn", "header_rotation",
	"host_denied", "origin_denied",
}

// String returns the flag's name in logs, metrics and JSON.
func (f Flag) String() string {
	if f == 0 || f.index() >= len(flagNames) {
		return "none"
	}
	return flagNames[f.index()]
}

func (f Flag) index() int { return bits.TrailingZeros32(uint32(f)) }

// Level says how loud a flag is.
type Level uint8

// The levels. LevelAlert wants a person.
const (
	LevelInfo Level = iota
	LevelWarn
	LevelAlert
)

// String returns the level's name.
func (l Level) String() string { return [...]string{"info", "warn", "alert"}[min(l, LevelAlert)] }

// Level returns how loud the flag is by itself. [SpoofPrefix] grows to a warning when
// [Policy.ClaimsInternal] holds.
func (f Flag) Level() Level {
	switch f {
	case SpoofPrefix, ProtoList, HostList, Conflict, AllTrusted:
		return LevelInfo
	case HeaderRotation:
		return LevelAlert
	}
	return LevelWarn
}

// Flags is a set of flags, held by value.
type Flags uint32

// Has tells whether the set holds f.
func (s Flags) Has(f Flag) bool { return s&Flags(f) != 0 }

// With returns the set with f in it.
func (s Flags) With(f Flag) Flags { return s | Flags(f) }

// All yields the flags of the set, in the order of their declaration.
func (s Flags) All(yield func(Flag) bool) {
	for rest := s; rest != 0; rest &= rest - 1 {
		if !yield(Flag(rest & -rest)) {
			return
		}
	}
}

// Names returns the names of the flags of the set; never nil.
func (s Flags) Names() []string {
	names := make([]string, 0, bits.OnesCount32(uint32(s)))
	for f := range s.All {
		names = append(names, f.String())
	}
	return names
}

// Meaning returns one sentence about the flag for people, with no text of a client in it.
func (f Flag) Meaning() string {
	if f == 0 || f.index() >= len(flagMeanings) {
		return ""
	}
	return flagMeanings[f.index()]
}

// flagMeanings is in the order of the bits.
var flagMeanings = [...]string{
	"a peer outside the trust list sends forwarding headers: a proxy is missing in trustProxy, or somebody forges",
	"entries left of the client, written by the client itself, were ignored",
	"an entry next to the verified part is not an address",
	"an entry next to the verified part hides its address",
	"a header that carries one value has several",
	"there are fewer entries than trustProxy counts hops",
	"there are more than 64 entries; only the last 64 count",
	"the trusted proxy does not say who the client is",
	"the trusted proxy does not say whether the client used https",
	"the reported scheme is none",
	"the host is none",
	"several schemes were reported",
	"several hosts were reported",
	"another header that is not read tells another story",
	"a forwarding header is spelled with underscores; it is never read",
	"the Connection header asks proxies to remove a forwarding header",
	"a proxy on the public internet reports a private client",
	"every hop is in the trust list: it is too wide, or the client is inside",
	"the client's address can be nobody's",
	"one session came from many networks",
	"one peer sent many different addresses left of its own",
	"the host guard refused",
	"the origin guard refused",
}
