package upstreamtest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"onemcp/internal/mcp"
)

// Script is what a scripted server is to do, beyond its tools.
type Script struct {
	Eras  []mcp.Era // it speaks; none: both
	Probe Probe     // how it takes server/discover if it is a legacy server
	Once  string    // a path: Probe counts only while no file is there, and makes one
	Limit int       // the driver's limit of a message, in bytes; 0: its default
	Mute  bool      // answers nothing at all
	Hush  bool      // tells nothing on a subscription by itself
	Hello string    // raw members of what it says of itself, instead of capabilities and instructions
	Deny  string    // the resource that nobody may subscribe to
	Sole  bool      // takes a connection to have one subscriptions/listen: when any of them ends, all are forgotten, and it is answered

	Offers map[string]string // raw results by method, or by method, a blank and cursor, instead of its own; a list here is declared
}

// Probe is how a server takes server/discover.
type Probe string

// The ways. Refuse is the default of a legacy server.
const (
	Refuse Probe = ""       // an error: no such method
	Lists  Probe = "lists"  // a legacy server's discover result, which lists legacy versions only
	Silent Probe = "silent" // no answer
	Late   Probe = "late"   // a modern answer, but after initialize has come
	Exits  Probe = "exits"  // the process ends
)

func (s Script) speaks(era mcp.Era) bool { return len(s.Eras) == 0 || slices.Contains(s.Eras, era) }

// versions returns what server/discover lists.
func (s Script) versions() []string {
	var out []string
	for _, v := range mcp.Versions() {
		if s.speaks(mcp.EraOf(v)) {
			out = append(out, v)
		}
	}
	return out
}

const scriptVariable = "UPSTREAMTEST_SCRIPT"

// Command returns how to start a server of the script as a child process: the test binary itself,
// whose TestMain must call [Main].
func (s Script) Command(t testing.TB) (command string, env []string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return exe, append(os.Environ(), scriptVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
}

// Main runs the tests and fails if they leave a goroutine, or is the scripted server when the process was started with
// [Script.Command]. It returns the exit code.
func Main(m interface{ Run() int }) int {
	text, ok := os.LookupEnv(scriptVariable)
	if !ok {
		return runAndLook(m)
	}
	var s Script
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	fmt.Fprintln(os.Stderr, "scripted server: started")
	NewServer(s).Serve(os.Stdin, os.Stdout)
	return 0
}

func runAndLook(m interface{ Run() int }) int {
	code := m.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
