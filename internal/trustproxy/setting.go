package trustproxy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mode is the kind of trust a setting gives.
type mode uint8

const (
	trustNobody   mode = iota
	trustListed        // peers and hops in a list
	trustCounted       // a number of hops
	trustEveryone      // all of them
)

// maxHops is the largest hop count that is taken seriously.
const maxHops = 32

// Setting is a checked value of the trustProxy setting. Immutable; get one from
// [ParseText], [ParseJSON] or [Default].
type Setting struct {
	mode     mode
	hops     int
	entries  []entry
	headers  headers
	explicit bool
}

// Default returns the setting that holds when nobody set one: the proxies of this machine.
func Default() Setting {
	set, _ := preset("loopback")
	return Setting{
		mode:    trustListed,
		entries: []entry{{text: "loopback", set: set}},
		headers: defaultHeaders(),
	}
}

// ParseText reads the setting as text: from the environment, a flag, or a text in the file.
// Blank text is the default. Text that starts with { or [ is the JSON form. The error is a
// *[ValueError].
func ParseText(text string) (Setting, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Default(), nil
	}
	if text[0] == '{' || text[0] == '[' && !isBracketed(text) {
		return ParseJSON([]byte(text))
	}
	return parsePlain(text)
}

// isBracketed tells an address in brackets, which deserves its own hint, from a JSON list.
func isBracketed(text string) bool {
	return strings.Contains(text, ":") && !strings.ContainsAny(text, `"{`)
}

// parsePlain reads text that is not JSON.
func parsePlain(text string) (Setting, error) {
	s := Setting{headers: defaultHeaders(), explicit: true}
	switch {
	case text == "true":
		s.mode = trustEveryone
		return s, nil
	case text == "false":
		return s, nil
	case isDigits(text) || isNumeric(text):
		return s.counted(text)
	}
	return s.listed(strings.Split(text, ","))
}

// counted reads a hop count; zero is nobody.
func (s Setting) counted(text string) (Setting, error) {
	if text == "0" {
		return s, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxHops || !isDigits(text) || text[0] == '0' {
		return Setting{}, &ValueError{Entry: text, Problem: "not a hop count",
			Hint: fmt.Sprintf("write a whole number from 1 to %d, 0 for nobody, or the proxies' addresses", maxHops)}
	}
	s.mode, s.hops = trustCounted, n
	return s, nil
}

// listed reads the members of a list; none is nobody.
func (s Setting) listed(texts []string) (Setting, error) {
	for i, text := range texts {
		text = strings.TrimSpace(text)
		e, r := parseEntry(text)
		if r != nil {
			err := &ValueError{Entry: text, Problem: r.problem, Hint: r.hint}
			if len(texts) > 1 {
				err.Place = fmt.Sprintf("entry %d", i+1)
			}
			return Setting{}, err
		}
		s.entries = append(s.entries, e)
	}
	if len(s.entries) > 0 {
		s.mode = trustListed
	}
	return s, nil
}

// Explicit tells whether somebody set the value, as opposed to the default.
func (s Setting) Explicit() bool { return s.explicit }

// Sources returns the lists whose contents [Setting.Compile] needs, each once.
func (s Setting) Sources() []Source {
	var out []Source
	for _, e := range s.entries {
		if e.source.Kind != 0 && !slices.Contains(out, e.source) {
			out = append(out, e.source)
		}
	}
	return out
}

// String returns the setting in one short text for logs.
func (s Setting) String() string {
	switch s.mode {
	case trustEveryone:
		return "true"
	case trustCounted:
		return strconv.Itoa(s.hops)
	case trustNobody:
		return "false"
	}
	texts := make([]string, len(s.entries))
	for i, e := range s.entries {
		texts[i] = e.text
	}
	return strings.Join(texts, ",")
}

// Warning is something about a valid setting that its owner should know.
type Warning struct {
	Code string // stable: "everybody", "hop-count", "partial-cloudflare"
	Text string // one sentence with the remedy
}

// Warnings returns what to say at the start. Trusting everybody is worth a word only where
// strangers can connect, so onlyLocal tells that the listener is on loopback or a unix
// socket.
func (s Setting) Warnings(onlyLocal bool) []Warning {
	var out []Warning
	if s.mode == trustEveryone && !onlyLocal {
		out = append(out, Warning{"everybody", "trustProxy is true and the listener is open to the network: " +
			"anybody can choose the address, scheme and host we see; list the addresses of your proxies instead"})
	}
	if s.mode == trustCounted {
		out = append(out, Warning{"hop-count", fmt.Sprintf("trustProxy counts %d hop(s), which cannot tell a proxy from a client "+
			"that connects directly: make sure that nobody reaches this port past the proxies, or list their addresses instead", s.hops)})
	}
	if w, ok := s.cloudflareWarning(); ok {
		out = append(out, w)
	}
	return out
}

func (s Setting) cloudflareWarning() (Warning, bool) {
	var all Entries
	for _, e := range s.entries {
		all = all.join(e.set)
	}
	present, of := partOfCloudflare(all.Prefixes)
	if present == 0 || present == of {
		return Warning{}, false
	}
	return Warning{"partial-cloudflare", fmt.Sprintf("trustProxy lists %d of Cloudflare's %d ranges (as of %s): requests through "+
		"the others will show Cloudflare's address as the client; write cloudflare for all of them", present, of, CloudflareDate)}, true
}
