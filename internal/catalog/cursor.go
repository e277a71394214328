package catalog

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// Cursors makes and checks the cursors of merged lists, which say where the next page begins. A cursor is good for one list,
// one selector and one key; it is not secret.
type Cursors struct{ key []byte }

// NewCursors returns cursors signed with key.
func NewCursors(key []byte) *Cursors { return &Cursors{key} }

// Make returns the cursor for the page that starts at offset.
func (c *Cursors) Make(k Kind, s Selector, offset int) string {
	text := fmt.Sprintf("%d", offset)
	return base64.RawURLEncoding.EncodeToString([]byte(text + "." + c.sign(k, s, text)))
}

// Read returns the offset a cursor stands for; ok is false if it is not one that [Cursors.Make] made
// for this list and selector.
func (c *Cursors) Read(k Kind, s Selector, cursor string) (offset int, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	text, mac, found := strings.Cut(string(data), ".")
	if !found || !hmac.Equal([]byte(mac), []byte(c.sign(k, s, text))) {
		return 0, false
	}
	_, err = fmt.Sscanf(text, "%d", &offset)
	return offset, err == nil && offset >= 0
}

func (c *Cursors) sign(k Kind, s Selector, text string) string {
	h := hmac.New(sha256.New, c.key)
	fmt.Fprintf(h, "%d|%d|%s|%s", k, s.How, s.Text, text)
	return string(h.Sum(nil)[:12])
}
