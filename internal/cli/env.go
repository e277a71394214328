package cli

import (
	"io"
	"os"
	"os/signal"
	"runtime/debug"

	"golang.org/x/term"
)

// Env is the process as a value: all that a command may know of the world.
type Env struct {
	Version    string   // of this program
	Executable string   // path of this program, to start it again; "" when unknown
	Args       []string // without the name of the program
	Stdin      io.Reader
	Stdout     io.Writer
	Stderr     io.Writer
	Lookup     func(name string) (value string, found bool)
	Environ    []string // the whole environment, NAME=value
	Dir        string   // working directory
	ConfigDir  string   // where the user's configuration files live; "" when unknown
	Terminal   bool     // a person reads Stderr
	// Signals delivers the signals named until stop is called.
	Signals func(which ...os.Signal) (arrived <-chan os.Signal, stop func())
}

// Process returns the Env of this process.
func Process() Env {
	executable, _ := os.Executable()
	dir, _ := os.Getwd()
	configDir, _ := os.UserConfigDir()
	return Env{
		Version:    version(),
		Executable: executable,
		Args:       os.Args[1:],
		Stdin:      os.Stdin,
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
		Lookup:     os.LookupEnv,
		Environ:    os.Environ(),
		Dir:        dir,
		ConfigDir:  configDir,
		Terminal:   term.IsTerminal(int(os.Stderr.Fd())),
		Signals:    signals,
	}
}

// version is what the Go tool wrote into the binary, from the version control system or the module.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func signals(which ...os.Signal) (<-chan os.Signal, func()) {
	arrived := make(chan os.Signal, 4)
	signal.Notify(arrived, which...)
	return arrived, func() { signal.Stop(arrived) }
}
