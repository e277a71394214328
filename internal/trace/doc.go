// Package trace writes down the conversation: every MCP message between clients, gateway and backends, one JSON object a
// line.
//
// The parts that have a wire take an [Observer] and call it with an [Event] for each message; nil means that nobody looks
// and costs a comparison. A [File] is the observer that users get. It is redacted unless asked otherwise: [Redact]
// is an allow-list of what may be read, all other values are replaced by markers.
//
// A File never keeps its callers waiting for the disk: what does not fit into its bounded queue, or cannot be written, is
// dropped, counted, and the count is written into the trace. [File.Run] owns the writing; nothing else has a goroutine.
// Observers are safe for concurrent use.
package trace
