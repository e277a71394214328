// Package accesslog writes one line for each HTTP request, at a cost that does not show.
//
// A [Log] writes a [Line]. The lines of requests that went well, in the JSON form, are put together here, as
// log/slog would write them; all others go through log/slog. A [Buffer] gathers lines for a moment, so that
// many of them share one write; what log/slog writes through it goes out at once, in order with the rest.
//
// Everything is safe for concurrent use. The package has no goroutine, but a Buffer has a timer while it
// holds something; [Buffer.Flush] empties it before the process ends.
package accesslog
