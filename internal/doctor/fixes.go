package doctor

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
)

// Proxies returns the names that stand in [Fix].For, [GatewayFile] aside.
func Proxies() []string {
	return []string{"nginx", "Apache", "HAProxy", "Caddy", "Traefik", "Envoy", cloudflare}
}

const cloudflare = "Cloudflare"

// topic is what a proxy has to be told; a key of fixes.json.
type topic string

const (
	tellClient    topic = "client"         // who the client is
	tellScheme    topic = "scheme"         // whether the client used https
	keepHost      topic = "host"           // the Host header as it came
	clearForged   topic = "clear"          // what clients write of themselves
	guardConnect  topic = "connection"     // Connection headers that remove others
	passUpstream  topic = "upstream"       // where the gateway is
	passPath      topic = "path"           // the paths of the gateway
	passPost      topic = "post"           // the methods of MCP
	proxyHeader   topic = "proxy-protocol" // to begin with a PROXY header
	noRedirect    topic = "redirect"       // no loop, nothing inner
	noBuffer      topic = "buffering"      // streams as they come
	longIdle      topic = "idle"           // silent streams
	largeBody     topic = "body"           // large requests
	longHeader    topic = "header"         // long headers
	newerHTTP     topic = "http-1.1"       // a protocol younger than 1996
	noCertificate topic = "certificate"    // TLS that clients accept
)

// fixTable is a list of [Fix] for each topic; {gateway} stands for where the gateway listens.
//
//go:embed fixes.json
var fixTable []byte

// fixes returns what to write in each proxy.
func (t topic) fixes(gateway string) []Fix {
	var table map[topic][]Fix
	_ = json.Unmarshal(fixTable, &table) // a test reads it whole
	all := table[t]
	for _, fix := range all {
		for i, line := range fix.Lines {
			fix.Lines[i] = strings.ReplaceAll(line, "{gateway}", gateway)
		}
	}
	return all
}

// inFile returns the lines for the gateway's own file.
func inFile(lines ...string) Fix { return Fix{GatewayFile, lines} }

// before returns the fixes with one of the gateway's own in front.
func (t topic) before(gateway string, lines ...string) []Fix {
	return slices.Concat([]Fix{inFile(lines...)}, t.fixes(gateway))
}
