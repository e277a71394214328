package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Naming is how merged names are made.
type Naming struct {
	Separator string // between the backend's name and the item's
	Bare      bool   // no prefix where the bare name is free
	MaxLength int    // names longer than this get a short alias; 0: no limit
}

// DefaultSeparator stands between a backend's name and a tool's.
const DefaultSeparator = "_1mcp_"

// minAlias is the shortest name that still holds a hash and something to read.
const minAlias = 16

// Prefix returns a backend's name with its separator, in characters that every client accepts.
func (n Naming) Prefix(backend string) string { return clean(backend) + n.Separator }

func clean(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, name)
}

// public returns the merged name of an item; taken tells which names others have already. The
// backend that comes first keeps a name; a later one gets an alias that depends on nothing but the two
// names, so it stays the same from run to run.
func (n Naming) public(backend, key string, taken func(string) bool) string {
	if n.Bare && !taken(key) && n.fits(key) {
		return key
	}
	name := n.Prefix(backend) + key
	if !n.fits(name) || taken(name) {
		name = n.alias(backend, key, name)
	}
	return name
}

func (n Naming) fits(name string) bool { return n.MaxLength <= 0 || len(name) <= n.MaxLength }

func (n Naming) alias(backend, key, name string) string {
	sum := sha256.Sum256([]byte(backend + "\x00" + key))
	tail := "_" + hex.EncodeToString(sum[:4])
	keep := len(name)
	if n.MaxLength > 0 {
		keep = min(keep, max(n.MaxLength, minAlias)-len(tail))
	}
	return strings.ToValidUTF8(name[:keep], "") + tail
}
