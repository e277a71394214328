package catalog

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
)

// macSize is how much of a signature a cursor holds, in bytes.
const macSize = 12

// Cursors makes and checks the cursors of merged lists, which say where the next page begins. A cursor is good for one list,
// one selector and one key; it is not secret.
type Cursors struct{ key []byte }

// NewCursors returns cursors signed with key.
func NewCursors(key []byte) *Cursors { return &Cursors{key} }

// Make returns the cursor for the page that starts at offset.
func (c *Cursors) Make(k Kind, s Selector, offset int) string {
	return c.Seal(k.Method(), s, strconv.Itoa(offset))
}

// Read returns the offset a cursor stands for; ok is false if it is not one that [Cursors.Make] made
// for this list and selector.
func (c *Cursors) Read(k Kind, s Selector, cursor string) (offset int, ok bool) {
	text, ok := c.Open(k.Method(), s, cursor)
	if !ok {
		return 0, false
	}
	offset, err := strconv.Atoi(text)
	return offset, err == nil && offset >= 0
}

// Seal returns the cursor for a place in the list of a method.
func (c *Cursors) Seal(method string, s Selector, place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.sign(method, s, place) + place))
}

// Open returns the place a cursor stands for; ok is false if it is not one that [Cursors.Seal] made for
// this list and selector.
func (c *Cursors) Open(method string, s Selector, cursor string) (place string, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(data) < macSize {
		return "", false
	}
	place = string(data[macSize:])
	return place, hmac.Equal(data[:macSize], []byte(c.sign(method, s, place)))
}

func (c *Cursors) sign(method string, s Selector, place string) string {
	h := hmac.New(sha256.New, c.key)
	fmt.Fprintf(h, "%s|%d|%q|%s", method, s.How, s.Text, place)
	return string(h.Sum(nil)[:macSize])
}
