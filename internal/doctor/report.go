package doctor

import "slices"

// Severity says how much a finding matters.
type Severity string

// The severities. A Note is worth knowing and asks for nothing.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is one thing that is wrong, and what to do about it.
type Finding struct {
	ID       string   `json:"id"` // stable, for scripts
	Severity Severity `json:"severity"`
	Sentence string   `json:"sentence"`
	Fixes    []Fix    `json:"fixes,omitempty"` // alternatives: one for each program that it may concern
}

// Fix is what to write where.
type Fix struct {
	For   string   `json:"for"` // a proxy, as in [Proxies], or [GatewayFile]
	Lines []string `json:"lines"`
}

// GatewayFile stands for the gateway's own configuration in [Fix].
const GatewayFile = "mcp.json"

// Hop is one party on the way of a request.
type Hop struct {
	Role    string `json:"role"` // client, proxy, peer or gateway
	Address string `json:"address"`
	Trusted bool   `json:"trusted,omitempty"` // the gateway believes what it says
}

// Report is the result of one run.
type Report struct {
	Version  string    `json:"version"`
	Gateway  string    `json:"gateway"` // where it listens
	URL      string    `json:"url,omitempty"`
	Proxy    string    `json:"proxy,omitempty"`   // the outermost one, where it says what it is
	Stopped  string    `json:"stopped,omitempty"` // why the run could not be finished
	Chain    []Hop     `json:"chain"`
	Findings []Finding `json:"findings"` // errors first
	Notes    []Finding `json:"notes"`
	Seen     *Whoami   `json:"seen,omitempty"` // how the gateway saw the honest request
}

// Code is the exit code: 0 when nothing is wrong, 1 with findings, 2 when the run could not be finished.
func (r *Report) Code() int {
	switch {
	case r.Stopped != "":
		return 2
	case len(r.Findings) > 0:
		return 1
	}
	return 0
}

// take sorts findings into the report: errors, warnings, and notes apart.
func (r *Report) take(all []Finding) {
	for _, severity := range []Severity{Error, Warning, Note} {
		for _, f := range all {
			if f.Severity != severity {
				continue
			}
			if severity == Note {
				r.Notes = append(r.Notes, f)
			} else {
				r.Findings = append(r.Findings, f)
			}
		}
	}
}

// Has reports whether a finding, not a note, has the id.
func (r *Report) Has(id string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.ID == id })
}
