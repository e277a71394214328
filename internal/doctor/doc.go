// Package doctor finds out what is wrong between the clients, the reverse proxies and the gateway.
//
// [Examine] looks: it asks the running gateway at its listener and through the public URL how it sees
// the doctor, honestly at first and then with forged headers, and returns what it saw as plain [Observations].
// [Diagnose] decides: a pure function from observations to a [Report] of findings, each with a stable id,
// a sentence, and the lines to paste. The report prints itself as text and as JSON.
//
// Examine starts no goroutine that outlives it; all values are for one goroutine. The probe token goes to the gateway's
// listener and to the origin of the public URL, never along a redirect to another. The package changes
// nothing anywhere, and does not read the configuration file: its caller translates that into a [Setup].
package doctor
