package trace

// Side is whom a message is exchanged with.
type Side string

// The sides.
const (
	Client  Side = "client"
	Backend Side = "backend"
)

// Direction is which way a message goes, as the gateway sees it.
type Direction string

// The directions.
const (
	Received Direction = "received"
	Sent     Direction = "sent"
)

// The transports.
const (
	HTTP  = "http"
	SSE   = "sse"
	Stdio = "stdio"
)

// Event is one message on a wire, or a batch of them.
type Event struct {
	Side      Side
	Direction Direction
	Transport string
	Backend   string // its name; empty on the client side
	Process   int    // of a backend over stdio; 0: none
	Session   string // the raw id, or what else tells connections apart; empty: none. Only its hash is written
	Request   string // the id of the HTTP request of a client, as in the log; empty: none
	Version   string // of the protocol; empty: not known yet
	Message   []byte // as on the wire; it need not be valid
}

// Observer is told of every message. It is called in the order of the wire for each connection, from any
// goroutine, sometimes with locks held: it must be quick and must not call back. The message is valid during the call only.
type Observer func(Event)
