package endtoend_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/stdio"
	"onemcp/internal/upstream/upstreamtest"
)

// slowcoach is a process that can be killed. Its successor comes up, but says nothing until it is let.
type slowcoach struct {
	spec gateway.Spec
	kill func(pid int)
	let  func()
}

// slowChild is a process that does not begin while a file is there.
func slowChild(t *testing.T, era mcp.Era) slowcoach {
	t.Helper()
	wait := filepath.Join(t.TempDir(), "wait")
	s := slowcoach{spec: overStdio(t, "b", upstreamtest.Script{Eras: []mcp.Era{era}, Hush: true})}
	d := s.spec.Driver.(stdio.Driver)
	d.Args = []string{"-c", `while [ -e "$0" ]; do sleep 0.01; done; exec "$1"`, wait, d.Command}
	d.Command = "/bin/sh"
	s.spec.Driver = d
	s.kill = func(pid int) {
		if err := os.WriteFile(wait, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	s.let = func() { _ = os.Remove(wait) }
	return s
}

// starting waits until the backend is lost and being opened again.
func (r *rig) starting() {
	r.t.Helper()
	r.await("an opening that hangs", func(all []gateway.Status) bool { return all[0].State == gateway.Starting })
}

// TestACallWaitsForABackendThatComesBack instead of failing; it is made at the new one.
func TestACallWaitsForABackendThatComesBack(t *testing.T) {
	t.Parallel()
	for _, backend := range bothEras {
		for _, era := range bothEras {
			for _, path := range []string{"/mcp", "/mcp/servers/b"} {
				t.Run(fmt.Sprintf("%s client at %s, %s backend", era, path, backend), func(t *testing.T) {
					t.Parallel()
					b := slowChild(t, backend)
					r := start(t, setup(b.spec))
					r.ready()
					c := r.connect(era, path)
					tool := "whoami"
					if path == "/mcp" {
						tool = "b_1mcp_whoami"
					}
					before := c.whoami(tool)
					b.kill(before.PID)
					r.starting()
					answered := make(chan *mcp.Message, 1)
					var calling sync.WaitGroup
					defer calling.Wait()
					calling.Go(func() { answered <- c.ask(c.tool(`"waits"`, tool, `{}`, "")) })
					b.let()
					m := receive(t, answered, "the answer")
					if m.Kind != mcp.Result || !strings.Contains(string(m.Raw), "conversation") || strings.Contains(string(m.Raw), before.Conversation) {
						t.Errorf("got %s", m.Raw)
					}
				})
			}
		}
	}
}

// TestACallDoesNotWaitForABackendForEver: the error names it, and when it is back calls work as ever.
func TestACallDoesNotWaitForABackendForEver(t *testing.T) {
	t.Parallel()
	for _, backend := range bothEras {
		for _, era := range bothEras {
			t.Run(fmt.Sprintf("%s client, %s backend", era, backend), func(t *testing.T) {
				t.Parallel()
				b := slowChild(t, backend)
				b.spec.ConnectionTimeout = 3 * time.Second
				r := start(t, setup(b.spec))
				r.ready()
				c := r.connect(era, "/mcp/servers/b")
				b.kill(c.whoami("whoami").PID)
				r.starting()
				m := c.ask(c.tool(`"waits"`, "whoami", `{}`, ""))
				if m.Kind != mcp.Error || m.ErrorCode() != mcp.CodeInternal || !strings.HasPrefix(m.ErrorMessage(), `backend "b" `) || !strings.Contains(m.ErrorMessage(), "(GET / shows its state") {
					t.Errorf("got %s", m.Raw)
				}
				b.let()
				r.ready()
				c.whoami("whoami")
			})
		}
	}
}

// TestACallToAPortThatIsClosed fails and says so; when it is open again calls work as ever.
func TestACallToAPortThatIsClosed(t *testing.T) {
	t.Parallel()
	for _, backend := range bothEras {
		for _, era := range bothEras {
			t.Run(fmt.Sprintf("%s client, %s backend", era, backend), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, func() (http.Handler, func()) {
					w := newWeb(upstreamtest.Script{Eras: []mcp.Era{backend}, Hush: true})
					return w, w.endAll
				})
				r := start(t, setup(overURL(t, "b", "http://"+s.addr, remote.HTTP)))
				r.ready()
				c := r.connect(era, "/mcp/servers/b")
				c.whoami("whoami")
				s.down()
				m := c.ask(c.tool(`"waits"`, "whoami", `{}`, ""))
				if m.Kind != mcp.Error || m.ErrorCode() != mcp.CodeInternal || !strings.Contains(m.ErrorMessage(), `backend "b" cannot be reached: the connection was refused`) {
					t.Errorf("got %s", m.Raw)
				}
				s.up()
				r.await("the loss of the backend", func(all []gateway.Status) bool { return all[0].Attempts > 0 })
				r.ready()
				c.whoami("whoami")
			})
		}
	}
}
