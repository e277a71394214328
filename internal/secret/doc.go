// Package secret holds texts that must never be printed.
//
// A [Text] shows itself as "[redacted]" to fmt, slog, encoding/json and
// text marshallers, also when it is a field of a printed struct. Its value leaves only
// through [Text.Reveal]. The package starts no goroutine; a Text is
// immutable and safe for concurrent use. It does not wipe memory.
package secret
