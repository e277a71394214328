package trustproxy

import (
	"net/netip"
	"strings"
)

// maxEntry is the length in bytes over which an entry counts as broken, so that a long
// text costs one comparison.
const maxEntry = 64

// form says what an entry of a client header turned out to be.
type form uint8

const (
	formAddress form = iota // an address, canonical
	formOpaque              // deliberately hidden: "unknown" or "_token"
	formBroken              // anything else
)

// parseNode reads one entry as proxies write it: an address, IPv4 with a port, or IPv6 in
// brackets with or without one. The address is canonical: unmapped and without zone, since
// both would make the same machine look like another.
func parseNode(s string, obfuscatedPort bool) (netip.Addr, form) {
	if len(s) == 0 || len(s) > maxEntry {
		return netip.Addr{}, formBroken
	}
	if s[0] == '[' {
		return parseBracketed(s, obfuscatedPort)
	}
	if a, rest, ok := cutIPv4(s); ok {
		if rest == "" || rest[0] == ':' && validPort(rest[1:], obfuscatedPort) {
			return a, formAddress
		}
	}
	if strings.IndexByte(s, ':') >= 0 {
		return parseIPv6(s)
	}
	if isOpaque(s) {
		return netip.Addr{}, formOpaque
	}
	return netip.Addr{}, formBroken
}

// cutIPv4 reads four decimal parts without leading zeros from the front of s. netip would do,
// but wants to know the end first, and builds an error for every text that is none.
func cutIPv4(s string) (a netip.Addr, rest string, ok bool) {
	var word, n uint32
	dots, digits, i := 0, 0, 0
loop:
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			if digits > 0 && n == 0 {
				return a, s, false
			}
			if n = n*10 + uint32(c-'0'); n > 255 {
				return a, s, false
			}
			digits++
			continue
		case c == '.' && digits > 0 && dots < 3:
			word, n, digits = word<<8|n, 0, 0
			dots++
			continue
		}
		break loop
	}
	if dots != 3 || digits == 0 {
		return a, s, false
	}
	word = word<<8 | n
	return netip.AddrFrom4([4]byte{byte(word >> 24), byte(word >> 16), byte(word >> 8), byte(word)}), s[i:], true
}

// parseBracketed reads "[v6]" or "[v6]:port"; IPv4 has no business in brackets.
func parseBracketed(s string, obfuscatedPort bool) (netip.Addr, form) {
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return netip.Addr{}, formBroken
	}
	if rest := s[end+1:]; rest != "" && (rest[0] != ':' || !validPort(rest[1:], obfuscatedPort)) {
		return netip.Addr{}, formBroken
	}
	if strings.IndexByte(s[1:end], ':') < 0 {
		return netip.Addr{}, formBroken
	}
	return parseIPv6(s[1:end])
}

// parseIPv6 reads IPv6 text with an optional zone, which is checked and dropped.
func parseIPv6(s string) (netip.Addr, form) {
	if i := strings.IndexByte(s, '%'); i >= 0 {
		if !validZone(s[i+1:]) {
			return netip.Addr{}, formBroken
		}
		s = s[:i]
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is6() {
		return netip.Addr{}, formBroken
	}
	return a.Unmap(), formAddress
}

// isOpaque tells whether s is "unknown" or an obfuscated identifier of RFC 7239.
func isOpaque(s string) bool {
	if strings.EqualFold(s, "unknown") {
		return true
	}
	return len(s) > 1 && s[0] == '_' && all(s[1:], isNodeChar)
}

// validPort tells whether s is a port 0–65535, or, where the RFC allows it, a hidden one.
func validPort(s string, obfuscated bool) bool {
	if obfuscated && len(s) > 1 && s[0] == '_' {
		return all(s[1:], isNodeChar)
	}
	if len(s) == 0 || len(s) > 5 {
		return false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n <= 65535
}

func validZone(s string) bool {
	return len(s) >= 1 && len(s) <= 32 && all(s, isZoneChar)
}

func isNodeChar(c byte) bool { return isAlnum(c) || c == '.' || c == '_' || c == '-' }

func isZoneChar(c byte) bool { return isNodeChar(c) || c == '~' }

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func all(s string, ok func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

// isUnixPeer tells whether a socket's remote address is that of a unix socket.
func isUnixPeer(remote string) bool {
	return remote == "" || remote[0] == '@' || remote[0] == '/' || strings.HasPrefix(remote, "./") ||
		strings.HasPrefix(remote, "../")
}

// parsePeer reads a socket's remote address as net/http gives it. A text that is neither
// address nor unix socket gives neither: such a peer is nobody, and trusted by nothing.
func parsePeer(remote string) (addr netip.Addr, unix bool) {
	if isUnixPeer(remote) {
		return netip.Addr{}, true
	}
	addr, _ = parseNode(remote, false)
	return addr, false
}

// isInternal tells whether an address belongs to this machine or to a private network.
func isInternal(a netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}

// isMartian tells whether a can never be the source of a connection: "this network",
// unspecified, multicast or broadcast.
func isMartian(a netip.Addr) bool {
	if a.Is4() {
		b := a.As4()
		return b[0] == 0 || b[0] >= 224 && b[0] < 240 || b == [4]byte{255, 255, 255, 255}
	}
	return a.IsUnspecified() || a.IsMulticast()
}
