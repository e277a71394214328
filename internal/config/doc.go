// Package config reads mcp.json.
//
// [Load] and [Parse] turn the file into a [Config] and a list of [Problems], each
// with file, line, column and JSON path. A setting that is wrong for the
// whole gateway gives no Config; one that is wrong for one server leaves that server
// in the Config, not usable, and the others untouched. [Find] says which file,
// [Override] lays flags and environment over it, [Diff] compares two
// configurations, [Watcher] tells when the files have changed, and [Schema]
// describes the format.
//
// A setting is one struct field with tags, and everything else follows from them:
//
//	json     its name in the file
//	doc      its description, in the schema
//	default  its value when the file is silent
//	enum     the texts it may be, separated by commas
//	pattern  the regular expression that a text must match
//	min, max the bounds of a number; warn is a bound that only warns
//	for      stdio or remote: the kind of server that it means something to
//	own      it may not stand in serverDefaults
//	merge    it adds to what serverDefaults says instead of replacing it
//	expand   "bare": $NAME is replaced as well as ${NAME}
//	change   what a change of it asks for: restart or relabel of a server,
//	         listener or policy of the gateway
//
// Values that may hold secrets are of type [secret.Text], so that no way of printing
// a Config shows them. Loading, diffing and overriding are pure but for
// the files that Load reads; their results are not changed afterwards and are
// safe for concurrent use. The package starts no goroutine but those inside
// [Watcher.Run]. It does not read the process environment, does not start or
// reach servers, and does not write files.
package config
