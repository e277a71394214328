package config

import (
	"io/fs"
	"time"

	"onemcp/internal/publicurl"
	"onemcp/internal/secret"
	"onemcp/internal/tagexpr"
	"onemcp/internal/trustproxy"
)

// Lookup finds an environment variable; os.LookupEnv is one.
type Lookup func(name string) (value string, found bool)

// Config is a whole configuration.
type Config struct {
	Path    string      // the file it came from; "" for [Default]
	Server  Server      // the gateway itself
	Servers []MCPServer // in the order of the file, with those that are disabled or not usable
	Presets []Preset    // in the order of the file
}

// Server is the section "server": the gateway itself.
type Server struct {
	Host       string   `json:"host" default:"127.0.0.1" change:"listener" doc:"Address to listen on. Beyond loopback, anybody who reaches it can call every tool."`
	Port       int      `json:"port" default:"3000" min:"0" max:"65535" change:"listener" doc:"TCP port to listen on; 0 takes any free one."`
	Listen     Listen   `json:"listen" change:"listener" doc:"A unix socket in place of host and port: unix:/path. A dead socket file is replaced."`
	SocketMode FileMode `json:"socketMode" default:"0660" change:"listener" doc:"Permissions of the unix socket, in octal: \"0660\" (or the digits as a number: 660)."`

	MaxBodySize       int64         `json:"maxBodySize" default:"16777216" min:"1024" change:"policy" doc:"Largest body of a client's request, in bytes. What backends send is bounded by maxMessageSize of each server."`
	MaxHeaderSize     int64         `json:"maxHeaderSize" default:"65536" min:"8192" max:"16777216" change:"policy" doc:"Largest head of a client's request, in bytes: its first line and all headers. What is larger is refused with 431."`
	HeartbeatInterval time.Duration `json:"heartbeatInterval" default:"15000" min:"1" warn:"20000" change:"policy" doc:"Silence on an event stream, in milliseconds, after which a comment is sent. Proxies cut a stream that is silent for longer than they allow."`
	PageSize          int           `json:"pageSize" default:"0" min:"0" change:"policy" doc:"Entries on one page of a list; 0 puts a list on one page."`

	SessionIdleTimeout time.Duration `json:"sessionIdleTimeout" default:"1800000" min:"1" change:"policy" doc:"Milliseconds without a request after which a client's session ends."`
	MaxSessions        int           `json:"maxSessions" default:"10000" min:"1" change:"policy" doc:"Most client sessions at one time."`
	SessionsPerClient  int           `json:"maxSessionsPerClient" default:"1000" min:"0" change:"policy" doc:"Most sessions of one client address at one time; 0 means no limit. An IPv6 address counts by its network, see rateLimit.ipv6Prefix."`

	Names Names `json:"names" change:"policy" doc:"How the tools and prompts of many servers are named side by side."`

	LogLevel  string `json:"logLevel" default:"info" enum:"debug,info,warn,error" change:"policy" doc:"Least level that is logged."`
	LogFormat string `json:"logFormat" default:"auto" enum:"auto,text,json" change:"policy" doc:"Form of a log line. auto: a short print and text on a terminal, JSON lines elsewhere."`

	TrustProxy    trustproxy.Setting `json:"trustProxy" change:"policy" doc:"Which reverse proxies may say who the client is: true, false, a list of addresses, ranges and presets (loopback, linklocal, uniquelocal, unix, cloudflare, file:PATH, dns:NAME), a number of hops, or an object with enabled, proxies and headers. Default: loopback."`
	ProxyProtocol string             `json:"proxyProtocol" default:"off" enum:"off,require" change:"listener" doc:"require: every connection begins with a PROXY protocol header, v1 or v2, from a trusted proxy."`
	ExternalURL   ExternalURLs       `json:"externalUrl" change:"policy" doc:"Public URL of the gateway, or a list of them, each perhaps with a path prefix. Every URL that is handed out is built on it."`

	AllowedHosts   []string `json:"allowedHosts" change:"policy" doc:"Hosts that requests may be for, beside loopback names, addresses and the hosts of externalUrl; *.example.com for all below."`
	AllowedOrigins []string `json:"allowedOrigins" change:"policy" doc:"Origins of web pages that may call, scheme://host[:port]; they get CORS headers. * for any."`

	OnUntrustedHeaders string `json:"onUntrustedHeaders" default:"ignore" enum:"ignore,reject" change:"policy" doc:"What to do with a request whose forwarding headers come from a peer that trustProxy does not list."`
	HTTPSRedirect      bool   `json:"httpsRedirect" default:"false" change:"policy" doc:"Send clients that came by http, as a trusted proxy says, to https. Better done by the proxy."`
	HSTS               int    `json:"hsts" default:"0" min:"0" change:"policy" doc:"Seconds that browsers shall remember to use https only; 0 says nothing."`

	RateLimit RateLimit `json:"rateLimit" change:"policy" doc:"Most requests to the MCP endpoints. Off by default."`
	Metrics   Metrics   `json:"metrics" change:"listener" doc:"Prometheus metrics: true serves /metrics on the main listener, \"host:port\" on one of its own."`

	MaskClientIP   bool        `json:"maskClientIp" default:"false" change:"policy" doc:"Leave the part of a client's address that tells people apart out of logs."`
	AnomalyWebhook secret.Text `json:"anomalyWebhook" change:"policy" doc:"URL that gets a JSON POST when forwarding headers look like spoofing more often than 20 times a minute from one network."`
}

// RateLimit is the section "server.rateLimit".
type RateLimit struct {
	PerClient  int `json:"perClient" default:"0" min:"0" doc:"Requests a minute by one client address; 0 means no limit."`
	Burst      int `json:"burst" default:"0" min:"0" doc:"Requests of one client at once; 0 means a sixth of perClient, at least 10."`
	Global     int `json:"global" default:"0" min:"0" doc:"Requests a minute by all clients together; 0 means no limit."`
	IPv6Prefix int `json:"ipv6Prefix" default:"64" min:"48" max:"128" doc:"Bits of an IPv6 address that count as one client."`
}

// Metrics says where metrics are served. The zero value: nowhere.
type Metrics struct {
	Main   bool   // at /metrics of the main listener
	Listen string // host:port of a listener of their own
}

// ExternalURLs are public URLs of the gateway; in the file one text or a list.
type ExternalURLs []publicurl.External

// Names is the section "server.names".
type Names struct {
	Separator string `json:"separator" default:"_1mcp_" pattern:"^[A-Za-z0-9_.-]{1,32}$" doc:"Stands between the name of the server and the name of the tool or prompt."`
	Prefix    string `json:"prefix" default:"always" enum:"always,never" doc:"never: bare names; on a clash the first server in the file keeps the bare name."`
	MaxLength int    `json:"maxLength" default:"0" min:"0" doc:"A name that is longer than this gets a short alias; 0 means no limit."`
}

// Kind says how a server is reached.
type Kind string

// The kinds. KindUnknown is that of a server whose entry is too broken to tell.
const (
	KindUnknown   Kind = ""
	KindStdio     Kind = "stdio"       // a child process
	KindHTTP      Kind = "http"        // streamable HTTP
	KindSSE       Kind = "sse"         // the old HTTP+SSE
	KindHTTPOrSSE Kind = "http-or-sse" // a bare url: http, with fall back to sse
)

// Remote reports whether the server is reached by a URL.
func (k Kind) Remote() bool { return k == KindHTTP || k == KindSSE || k == KindHTTPOrSSE }

// MCPServer is one entry of "mcpServers".
type MCPServer struct {
	Name     string   `json:"-"`
	Kind     Kind     `json:"-" change:"restart"`
	Problems Problems `json:"-"` // why it cannot be used; empty when it can

	Type    string        `json:"type" own:"true" enum:"stdio,http,streamableHttp,streamable-http,sse" doc:"How the server is reached; streamableHttp means http. Without it: a command means stdio, a url means http with fall back to sse."`
	Command string        `json:"command" own:"true" expand:"bare" for:"stdio" change:"restart" doc:"Program to start."`
	Args    []secret.Text `json:"args" own:"true" expand:"bare" for:"stdio" change:"restart" doc:"Arguments of the program."`
	Cwd     string        `json:"cwd" expand:"bare" for:"stdio" change:"restart" doc:"Working directory of the program."`
	Env     Env           `json:"env" expand:"bare" merge:"true" for:"stdio" change:"restart" doc:"Environment variables of the program: a map, or a list of NAME=value and of bare NAME, which is taken from our environment."`

	InheritParentEnv bool     `json:"inheritParentEnv" default:"false" for:"stdio" change:"restart" doc:"Pass our whole environment on. Otherwise only a safe minimum is: PATH, HOME, USER, SHELL, LANG, TERM, TMPDIR and the like."`
	EnvFilter        []string `json:"envFilter" merge:"true" for:"stdio" change:"restart" doc:"Names of what is passed on of our environment: NAME, PREFIX*, and !NAME or !PREFIX* for what is not. Variables in env always are."`

	URL     secret.Text `json:"url" own:"true" expand:"bare" for:"remote" change:"restart" doc:"Address of a remote server."`
	Headers Headers     `json:"headers" expand:"bare" for:"remote" change:"restart" doc:"HTTP headers sent with every request to a remote server."`

	Tags                     []string          `json:"tags" change:"relabel" doc:"Words by which clients select servers."`
	Disabled                 bool              `json:"disabled" default:"false" change:"restart" doc:"Keep the entry but do not use it."`
	EnabledTools             []string          `json:"enabledTools" change:"relabel" doc:"Names and globs of the tools to show; all when it is not set."`
	DisabledTools            []string          `json:"disabledTools" change:"relabel" doc:"Names and globs of tools to hide."`
	ToolDescriptionOverrides map[string]string `json:"toolDescriptionOverrides" own:"true" change:"relabel" doc:"Tool name to the description that clients see in place of the server's own."`
	InstructionOverride      string            `json:"instructionOverride" own:"true" change:"relabel" doc:"Text that clients see in place of the server's own instructions."`

	ConnectionTimeout time.Duration `json:"connectionTimeout" default:"60000" min:"1" change:"restart" doc:"Milliseconds that connecting may take."`
	RequestTimeout    time.Duration `json:"requestTimeout" default:"60000" min:"1" change:"restart" doc:"Milliseconds that the server may stay silent on a request; progress starts them anew."`
	MaxRequestTime    time.Duration `json:"maxRequestTime" default:"86400000" min:"0" change:"restart" doc:"Milliseconds that a request may take in all, however much progress it reports; 0 means no limit."`
	Timeout           time.Duration `json:"timeout" min:"1" doc:"Stands for connectionTimeout and requestTimeout where those are not set."`

	MaxMessageSize int64  `json:"maxMessageSize" default:"67108864" min:"1024" change:"restart" doc:"Largest message of the server, in bytes. A call whose answer is larger fails; a result over HTTP that did not say its length and is passed on already breaks off."`
	Isolation      string `json:"isolation" enum:"shared,session,principal" change:"restart" doc:"Who shares one connection to the server: all clients, one client session, one principal. Without it, the kind of the server decides."`
	Protocol       string `json:"protocol" enum:"legacy,modern,2024-11-05,2025-03-26,2025-06-18,2025-11-25,2026-07-28" change:"restart" doc:"Force an era or a version of the protocol instead of asking the server."`
	ForwardClient  bool   `json:"forwardClient" default:"false" for:"remote" change:"restart" doc:"Tell the server the client's verified address, scheme and host in X-Forwarded-* headers. Otherwise it learns nothing of our clients."`
	MaxConcurrency int    `json:"maxConcurrency" default:"0" min:"0" change:"restart" doc:"Most requests to the server at one time; 0 means no limit."`
	MaxConnections int    `json:"maxConnections" default:"1000" min:"0" change:"relabel" doc:"Most connections to the server, or processes of it, that modern clients have of their own at one time, see isolation; 0 means no limit. The one that was idle for longest makes room. Those of sessions are bounded by maxSessions."`
}

// Usable reports whether the entry is free of errors. A usable server may still be disabled.
func (s *MCPServer) Usable() bool { return len(s.Problems) == 0 }

// Preset is a named selection of servers.
type Preset struct {
	Name   string
	Filter string // as it stands in the file
	Expr   tagexpr.Expr
}

// FileMode is permission bits, written in octal.
type FileMode fs.FileMode

// Listen is the path of a unix socket, written unix:/path; empty when there is none.
type Listen string
