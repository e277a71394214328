package backend

import (
	"fmt"
	"strconv"
	"strings"
)

// Era says which versions of the protocol a backend speaks.
type Era string

// The eras.
const (
	Both   Era = "both"
	Legacy Era = "legacy" // initialize and sessions, through 2025-11-25
	Modern Era = "modern" // 2026-07-28: every request stands alone
)

const events = "/events" // ends the path of a profile with Events

// Profile is what a backend is like.
type Profile struct {
	Era    Era
	Tools  int  // how many it lists, at least the three that do something
	Number int  // tells backends of one process apart
	Events bool // over HTTP it answers by event streams, as servers made with the official SDKs do
}

// Path is the path of the URL under which a process serves the profile.
func (p Profile) Path() string {
	path := fmt.Sprintf("/%s/%d/%d/mcp", p.Era, p.Tools, p.Number)
	if p.Events {
		path += events
	}
	return path
}

// Profiles returns n profiles that differ by their number.
func Profiles(n int, p Profile) []Profile {
	out := make([]Profile, n)
	for i := range out {
		p.Number = i
		out[i] = p
	}
	return out
}

// ParsePath is the reverse of Path.
func ParsePath(path string) (Profile, error) {
	plain, inEvents := strings.CutSuffix(path, events)
	parts := strings.Split(plain, "/")
	if len(parts) != 5 || parts[0] != "" || parts[4] != "mcp" {
		return Profile{}, fmt.Errorf("the path %q is not /ERA/TOOLS/NUMBER/mcp, with %s behind it or without", path, events)
	}
	tools, err := strconv.Atoi(parts[2])
	if err != nil {
		return Profile{}, fmt.Errorf("the number of tools: %w", err)
	}
	number, err := strconv.Atoi(parts[3])
	if err != nil {
		return Profile{}, fmt.Errorf("the number of the backend: %w", err)
	}
	p := Profile{Era: Era(parts[1]), Tools: tools, Number: number, Events: inEvents}
	return p, p.check()
}

func (p Profile) check() error {
	if p.Era != Both && p.Era != Legacy && p.Era != Modern {
		return fmt.Errorf("%q is no era; there are both, legacy and modern", p.Era)
	}
	if p.Tools < 3 || p.Tools > 100_000 {
		return fmt.Errorf("%d tools; 3 to 100000 are possible", p.Tools)
	}
	return nil
}
