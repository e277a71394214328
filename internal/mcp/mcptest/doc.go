// Package mcptest holds the messages that the gateway sends against the official JSON schemas of their protocol versions. It is for
// tests.
//
// [Watch] gives an observer for the parts under test, and fails the test that a wrong message was sent in; [CheckTrace] does the
// same with the file of a whole gateway. What the gateway receives is not judged: it only tells which method an answer
// belongs to, and which version a session speaks.
//
// The schemas lie in the directory that the environment variable MCP_SCHEMA_DIR names. Without it nothing is
// checked; each package that watches has one test that calls [Need], by which this shows as skipped.
//
// Observers are safe for concurrent use. The package starts no goroutine.
package mcptest
