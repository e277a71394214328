// Package fault is the error of this program: one value with two readers.
//
// People and clients read the public sentence and its hint; the log also reads the cause.
// The kind decides what an error becomes on the wire, in one table
// of the front. Errors are immutable and safe for concurrent use. The
// package logs nothing and knows no wire codes.
package fault
