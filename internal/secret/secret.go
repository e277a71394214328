package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Text is a secret. The zero value is the empty secret.
//
// It holds a pointer so that even reflection-based printers, which skip the
// methods of unexported fields, show an address and not the value.
type Text struct{ value *string }

// New wraps value.
func New(value string) Text { return Text{value: &value} }

// Reveal returns the value; call it only where the secret is used.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Empty reports whether there is nothing to hide.
func (t Text) Empty() bool { return t.value == nil || *t.value == "" }

// Equal compares two secrets in time that depends on their length only.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// Hash returns eight hexadecimal digits that tell secrets apart in a log.
func (t Text) Hash() string { return Hash(t.Reveal()) }

// Hash returns the eight digits that [Text.Hash] would show for value. It is meant
// for values that are random themselves, such as session ids.
func Hash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:4])
}

// Format implements fmt.Formatter for every verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements fmt.Stringer.
func (t Text) String() string { return redacted }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }
