// Package scan finds members and elements in JSON text without decoding it. It is for the
// benchmark's own messages: it skips what it does not look for, trusts that the text is valid JSON,
// and finds nothing where it is not. It keeps nothing and may be used by many goroutines.
package scan
