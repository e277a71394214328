// Package trustlist keeps the lists of trusted proxies that live outside the configuration:
// files and the addresses behind host names.
//
// [Open] reads the files once and fails if one is unusable. [Lists.Run] owns a goroutine for
// each list, re-reads files every second and resolves names every 30 seconds, and returns
// after all of them ended. [Lists.Policy] gives the policy of the moment and is safe for
// concurrent use at all times.
//
// A file that becomes unusable keeps its last good contents; a name that does not resolve
// trusts nobody until it does, since its old address may be somebody else's by now. The
// package fetches nothing from the network but name resolution, and does not read settings.
package trustlist
