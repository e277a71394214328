package gateway

import (
	"log/slog"
	"time"

	"onemcp/internal/catalog"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/tagexpr"
	"onemcp/internal/upstream"
)

// Options are what a gateway keeps from its start to its end.
type Options struct {
	Version  string         // of the program, shown to clients and backends
	Log      *slog.Logger   //
	Sessions *session.Table // of legacy clients; run by the caller
	Drain    time.Duration  // how long calls of a removed backend may go on; 0: 30 s
}

// Setup is the part of the configuration that a reload may change.
type Setup struct {
	Backends []Spec // in configuration order
	Naming   catalog.Naming
	Presets  map[string]tagexpr.Expr
	PageSize int // entries a page of merged lists; 0: all in one
}

// Isolation says who shares a connection to a backend.
type Isolation uint8

// The ways to share.
const (
	Auto         Isolation = iota // Shared for local processes and modern servers, PerSession for remote ones with sessions
	Shared                        // all clients
	PerSession                    // one connection per client session
	PerPrincipal                  // one connection per principal
)

// Spec describes one backend.
type Spec struct {
	Name         string
	Identity     string // equal identities may share a running connection across a reload
	Driver       upstream.Driver
	Local        bool  // a child process of ours
	Disabled     bool  // configured, not started
	Failed       error // could not be configured; shown, not started
	Tags         []string
	Policy       catalog.Policy
	Instructions *string // replaces the backend's own; nil keeps them

	ConnectionTimeout time.Duration // for opening, and for calls that wait for it
	RequestTimeout    time.Duration // silence during a call; 0: no bound
	MaxRequestTime    time.Duration // a whole call, whatever it reports; 0: no bound
	ForwardClient     bool          // a remote server learns the client's verified address
	MaxConcurrency    int           // calls at a time; 0: no bound
	MaxConnections    int           // connections that clients without a session have of their own; 0: no bound
	Isolation         Isolation
	Era               mcp.Era // NoEra: find out
	ProtocolVersion   string  // to offer; empty: the newest
}

// State is where a backend is in its life.
type State string

// The states.
const (
	Starting State = "starting"
	Ready    State = "ready"
	Degraded State = "degraded" // connected, but its lists cannot be had
	Backoff  State = "backoff"  // lost or refused; waiting for the next try
	Failed   State = "failed"   // cannot be configured
	Disabled State = "disabled" // by configuration
)

// Status is what is known of one backend; counts are those of its lists after policy.
type Status struct {
	Name      string        `json:"name"`
	State     State         `json:"state"`
	Era       string        `json:"era,omitempty"`
	Version   string        `json:"protocolVersion,omitempty"`
	Tools     int           `json:"tools"`
	Prompts   int           `json:"prompts"`
	Resources int           `json:"resources"`
	Templates int           `json:"resourceTemplates"`
	Tags      []string      `json:"tags,omitempty"`
	Error     string        `json:"error,omitempty"` // public sentence
	Attempts  int           `json:"attempts,omitempty"`
	RetryIn   time.Duration `json:"-"`
}
