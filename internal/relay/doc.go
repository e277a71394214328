// Package relay lets a client that only speaks stdio use a gateway that runs elsewhere: each line of the client's becomes a
// POST to the gateway's MCP endpoint, and what comes back becomes lines.
//
// A [Relay] stands behind the front of package front/stdio in the place of the gateway. Messages pass as bytes; they are
// scanned for what HTTP must know of them, and not rewritten. A gateway that cannot be reached is an error for each request
// at once, and no reason to end: when it is back, the client's session is opened anew behind its back, with the client's own
// initialize, and the request that found it gone is sent again, for the gateway has not looked at it. The new session gets the
// log level and the subscriptions of the lost one, and the client is told that lists and subscribed resources may have changed. A
// request whose answer was lost on the way is never repeated.
//
// [Relay.Run] owns all goroutines and returns after they have ended: those of the front, the one that keeps the session's
// stream open, and one for each message of the client's that nobody waits for. The headers that users give are secrets; they
// appear in no error and no log.
package relay
