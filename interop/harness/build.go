package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

const everythingServer = "github.com/modelcontextprotocol/go-sdk/conformance/everything-server"

// Binaries are the paths of the programs under test and beside it.
type Binaries struct {
	OneMCP       string // the gateway
	GoEverything string // the Go SDK's everything-server
	EraGate      string // cmd/eragate of this module
	Asker        string // cmd/asker of this module
	SuiteClient  string // cmd/suiteclient of this module
	Bulk         string // cmd/bulk of this module
	Counter      string // cmd/counter of this module
}

// Build compiles the binaries into dir. ONEMCP_BINARY in the environment
// names a gateway that is built already, a release for example.
func Build(dir string) (Binaries, error) {
	b := Binaries{
		OneMCP:       os.Getenv("ONEMCP_BINARY"),
		GoEverything: filepath.Join(dir, "everything-server"),
		EraGate:      filepath.Join(dir, "eragate"),
		Asker:        filepath.Join(dir, "asker"),
		SuiteClient:  filepath.Join(dir, "suiteclient"),
		Bulk:         filepath.Join(dir, "bulk"),
		Counter:      filepath.Join(dir, "counter"),
	}
	errs := []error{
		compile(Root(), b.GoEverything, everythingServer),
		compile(Root(), b.EraGate, "./cmd/eragate"),
		compile(Root(), b.Asker, "./cmd/asker"),
		compile(Root(), b.SuiteClient, "./cmd/suiteclient"),
		compile(Root(), b.Bulk, "./cmd/bulk"),
		compile(Root(), b.Counter, "./cmd/counter"),
	}
	if b.OneMCP == "" {
		b.OneMCP = filepath.Join(dir, "1mcp")
		errs = append(errs, compile(filepath.Dir(Root()), b.OneMCP, "./cmd/1mcp"))
	}
	return b, errors.Join(errs...)
}

func compile(dir, output, pkg string) error {
	cmd := exec.Command("go", "build", "-o", output, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// Root is the directory of this module.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}
