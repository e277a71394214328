// Package explain answers, without a running gateway, who a request's client would be and why:
// the offline twin of the doctor.
//
// [Run] answers one request given as flags, or a stream of them with one JSON object a line in
// and out, so that an access log or a list of doubtful cases can be replayed in one run. It
// reads nothing but its input and what [Options.Load] brings, starts no goroutine, and
// remembers the settings it compiled only until it returns.
package explain
