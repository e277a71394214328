package trustproxy

import "strings"

// scanned is what one pass over the headers found.
type scanned struct {
	client, proto, host []string // the configured headers' lines
	forwarded           []string // Forwarded, chosen or not
	realIP              []string
	cloudflare          []string // CF-Connecting-IP
	seen                Seen
	strip               bool // Connection lists a forwarding header
}

// scan sorts the headers in one pass, which is cheaper than a lookup for every name.
func (s *scanned) scan(h *headers, header map[string][]string) {
	initials := h.initials | knownLetters
	for key, lines := range header {
		if len(lines) == 0 || key == "" || !initials.has(key[0]) {
			continue
		}
		c := classify(key)
		if s.configured(h, key, lines) && c == classOther {
			c = classAlso
		}
		switch c {
		case classOther:
			s.other(h, key, lines)
			continue
		case classForwarded:
			s.forwarded = lines
		case classRealIP:
			s.realIP = lines
		case classCloudflare:
			s.cloudflare = lines
		}
		s.seen |= 1 << (c - 1)
	}
}

// letters is a set of first letters; it leaves most headers alone at the cost of one shift.
type letters uint64

func (l letters) has(c byte) bool { return l>>(c&63)&1 != 0 }

// knownLetters begin the names that [classify] knows, and Via.
const knownLetters = letters(1<<('X'&63) | 1<<('F'&63) | 1<<('C'&63) | 1<<('T'&63) | 1<<('V'&63))

// compiled returns h with the initials of its own names.
func (h headers) compiled() headers {
	for _, name := range []string{h.client.name, h.proto.name, h.host.name} {
		if name != "" {
			h.initials |= 1 << (name[0] & 63)
		}
	}
	return h
}

// configured keeps the lines of the headers the setting names.
func (s *scanned) configured(h *headers, key string, lines []string) bool {
	found := false
	if key == h.client.name {
		s.client, found = lines, true
	}
	if key == h.proto.name {
		s.proto, found = lines, true
	}
	if key == h.host.name {
		s.host, found = lines, true
	}
	return found
}

// other looks at the headers that say something about forwarding without being part of it.
func (s *scanned) other(h *headers, key string, lines []string) {
	switch {
	case key == "Connection":
		s.strip = h.listedIn(lines)
	case key == "Via":
		s.seen |= SeenVia
	case candidate(key) && strings.IndexByte(key, '_') >= 0 && h.isForwarding(key):
		s.seen |= SeenAlias
	}
}

// listedIn tells whether a Connection header asks for the removal of a forwarding header on
// the way.
func (h *headers) listedIn(lines []string) bool {
	for _, line := range lines {
		switch line {
		case "keep-alive", "close", "Upgrade", "upgrade", "Keep-Alive":
			continue
		}
		for name := range strings.SplitSeq(line, ",") {
			if h.isForwarding(trimOWS(name)) {
				return true
			}
		}
	}
	return false
}
