package endtoend_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/stdio"
	"onemcp/internal/upstream/upstreamtest"
)

var (
	legacyOnly = []mcp.Era{mcp.Legacy}
	modernOnly = []mcp.Era{mcp.Modern}
)

// What these tests let peers say wrongly, each where it is wanted.
var (
	oddAnswers = mcptest.Excuse{At: "/result", Why: "the backend is told to answer with what no schema knows"}
	oddRoots   = mcptest.Excuse{At: "/result/roots", Why: "the client answers with any JSON values"}
	oddTask    = mcptest.Excuse{At: "/result/task", Why: "the backend tells of a task only what we look at"}
	oddStatus  = mcptest.Excuse{At: "/params", Why: "the backend tells of a task only what we look at"}
	oddContext = mcptest.Excuse{At: "/params/context", Why: "the client sends any JSON value there"}
	oddIDs     = mcptest.Excuse{At: "/id", Why: "the client numbers its requests with fractions, and must get them back"}
	oddOpening = mcptest.Excuse{At: "/params", Why: "the client's name and capabilities are spelled so that a change of any byte shows"}
)

// spec is what all backends of these tests have in common. Each has an identity of its own.
func spec(name string) gateway.Spec {
	return gateway.Spec{Name: name, Identity: rand.Text(), ConnectionTimeout: patience, RequestTimeout: patience}
}

// overStdio describes a backend that is a child process.
func overStdio(t *testing.T, name string, s upstreamtest.Script, excuses ...mcptest.Excuse) gateway.Spec {
	t.Helper()
	return overGuarded(t, name, s, nil, excuses...)
}

// overGuarded is overStdio with a guard that learns of the processes.
func overGuarded(t *testing.T, name string, s upstreamtest.Script, guard stdio.Guard, excuses ...mcptest.Excuse) gateway.Spec {
	t.Helper()
	command, env := s.Command(t)
	b := spec(name)
	b.Local = true
	b.Driver = stdio.Driver{Options: stdio.Options{Name: name, Command: command, Env: env, Guard: guard, Trace: mcptest.Watch(t, excuses...)}}
	return b
}

// overHTTP describes a backend that speaks streamable HTTP.
func overHTTP(t *testing.T, name string, s upstreamtest.Script, excuses ...mcptest.Excuse) gateway.Spec {
	t.Helper()
	return newWeb(s).serve(t, name, excuses...)
}

// overSSE describes a backend that speaks HTTP+SSE.
func overSSE(t *testing.T, name string, s upstreamtest.Script, excuses ...mcptest.Excuse) gateway.Spec {
	t.Helper()
	return newOldWeb(s).serve(t, name, excuses...)
}

// serveWeb serves until t ends and returns where.
func serveWeb(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func overURL(t *testing.T, name, url string, kind remote.Kind, excuses ...mcptest.Excuse) gateway.Spec {
	t.Helper()
	return overOptions(t, remote.Options{Name: name, URL: url, Kind: kind}, excuses...)
}

func overOptions(t *testing.T, o remote.Options, excuses ...mcptest.Excuse) gateway.Spec {
	t.Helper()
	o.Trace = mcptest.Watch(t, excuses...)
	driver, err := remote.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := spec(o.Name)
	b.Driver = driver
	return b
}

// setup is a setup of backends.
func setup(backends ...gateway.Spec) gateway.Setup { return gateway.Setup{Backends: backends} }
