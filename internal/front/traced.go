package front

import (
	"onemcp/internal/mcp"
	"onemcp/internal/trace"
)

// saw tells the trace of a message of the client's, or to it.
func (x *exchange) saw(d trace.Direction, msg []byte) {
	if x.front.Trace == nil || !x.route.carriesMessages() {
		return
	}
	e := trace.Event{
		Side: trace.Client, Direction: d, Transport: trace.HTTP,
		Session: x.session, Request: x.id[0], Version: x.version, Message: msg,
	}
	if x.route != toMCP {
		e.Transport = trace.SSE
	}
	if e.Session == "" { // the request has come no further yet
		e.Session = x.header.Get(mcp.HeaderSession)
	}
	if said := x.header.Get(mcp.HeaderVersion); e.Version == "" && mcp.EraOf(said) != mcp.NoEra {
		e.Version = said
	}
	x.front.Trace(e)
}

// carriesMessages reports whether what goes to and fro there are MCP messages.
func (k kind) carriesMessages() bool { return k == toMCP || k == toOldStream || k == toOldPost }
