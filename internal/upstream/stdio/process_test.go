//go:build linux

package stdio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/stdio"
)

// server is a legacy server as a shell script; more is what it does with other lines.
func server(more string) string {
	return `while read -r line; do
	id=${line#*'"id":'}; id=${id%%,*}
	case "$line" in
	*'"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}';;
	*notifications/*) ;;
	` + more + `
	esac
done
`
}

// groups is a guard that remembers.
type groups struct {
	mu      sync.Mutex
	added   []int
	removed []int
}

func (g *groups) Add(pgid int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.added = append(g.added, pgid)
}

func (g *groups) Remove(pgid int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.removed = append(g.removed, pgid)
}

// gone fails the test unless all groups that were added have been removed and are empty.
func (g *groups) gone(t *testing.T) {
	t.Helper()
	if len(g.added) == 0 || fmt.Sprint(g.added) != fmt.Sprint(g.removed) {
		t.Errorf("groups %v were added and %v removed", g.added, g.removed)
	}
	for _, pgid := range g.added {
		await(t, fmt.Sprintf("group %d is empty", pgid), func() bool { return len(processes(t, pgid)) == 0 })
	}
}

func await(t *testing.T, what string, fact func() bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	late := time.After(time.Minute)
	for !fact() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// processes returns the processes of a group that have not ended.
func processes(t *testing.T, pgid int) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		stat, _ := os.ReadFile(path)
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 2 && fields[2] == fmt.Sprint(pgid) && fields[0] != "Z" && fields[0] != "X" {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

var ids atomic.Uint64

func opening() upstream.Opening {
	return upstream.Opening{
		Era:     mcp.Legacy,
		Client:  mcp.ClientMeta{Info: []byte(`{"name":"test","version":"1"}`)},
		Timeout: time.Minute,
		NextID:  func() uint64 { return ids.Add(1) },
	}
}

func shell(script string) stdio.Options {
	return stdio.Options{Name: "test", Command: "sh", Args: []string{"-c", script}, Env: os.Environ()}
}

// run runs a connection to its end. When it is ready, use is called beside it; stop ends it.
func run(t *testing.T, o stdio.Options, opening upstream.Opening, use func(conn upstream.Conn, stop func())) error {
	t.Helper()
	conn := stdio.Driver{Options: o}.Connect(opening, upstream.Discard{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var using sync.WaitGroup
	defer using.Wait()
	return conn.Run(ctx, func(upstream.Info) {
		using.Go(func() {
			use(conn, cancel)
		})
	})
}

func stopNow(_ upstream.Conn, stop func()) { stop() }

func call(t *testing.T, conn upstream.Conn, method string) (mcp.Message, error) {
	id := ids.Add(1)
	return conn.Call(t.Context(), &upstream.Request{ID: id, Method: method, Body: mcp.AppendRequest(nil, id, method, []byte("{}"))}, upstream.Discard{})
}

// Whatever a server and its helpers do, nothing of the group outlives Run.
func TestNothingIsLeftOfTheGroup(t *testing.T) {
	t.Parallel()
	const short = 20 * time.Millisecond
	for name, script := range map[string]string{
		"a server that ends with its input":                 server(""),
		"a process beside the server":                       "sleep 1000 &\n" + server(""),
		"a wrapper that waits for the server":               "sh -c \"$0\"; true",
		"a server that ignores its input's end and SIGTERM": "trap '' TERM\n" + server("") + "while :; do sleep 1000; done",
		"a helper that ignores SIGTERM":                     "(trap '' TERM; sleep 1000; sleep 1000) &\n" + server(""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &groups{}
			o := shell(script)
			o.Args = append(o.Args, server(""))
			o.Guard, o.Grace = g, stdio.Grace{Close: short, Term: short}
			if name == "a server that ends with its input" {
				o.Grace = stdio.Grace{}
			}
			if err := run(t, o, opening(), stopNow); err != nil {
				t.Errorf("Run returned %v", err)
			}
			g.gone(t)
		})
	}
}

func TestAServerThatEndsTakesItsHelpersAlong(t *testing.T) {
	t.Parallel()
	g := &groups{}
	o := shell("sleep 1000 &\n" + server("*end*) exit 7;;"))
	o.Guard = g
	err := run(t, o, opening(), func(conn upstream.Conn, _ func()) {
		if _, err := call(t, conn, "end"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("the call got %v", err)
		}
	})
	if err == nil || !strings.Contains(err.Error(), `backend "test" ended with exit code 7`) {
		t.Errorf("Run returned %v", err)
	}
	g.gone(t)
}

func TestACallIsToldHowItsServerEnded(t *testing.T) {
	t.Parallel()
	for does, want := range map[string]string{
		"exit 7":                                 `backend "test" ended with exit code 7`,
		"kill -KILL $$":                          `backend "test" ended with signal: killed`,
		"kill -SEGV $$":                          `backend "test" ended with signal: segmentation fault`,
		"exec >&-; while :; do sleep 0.01; done": `backend "test" has closed the connection`,
	} {
		t.Run(does, func(t *testing.T) {
			t.Parallel()
			o := shell(server("*end*) " + does + ";;"))
			_ = run(t, o, opening(), func(conn upstream.Conn, _ func()) {
				if _, err := call(t, conn, "end"); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), want) {
					t.Errorf("the call got %v", err)
				}
			})
		})
	}
}

func TestTheLastAnswerOfAServerThatEndsArrives(t *testing.T) {
	t.Parallel()
	o := shell(server(`*last*) echo '{"jsonrpc":"2.0","id":'$id',"result":"last"}'; exit 0;;`))
	for range 20 {
		err := run(t, o, opening(), func(conn upstream.Conn, _ func()) {
			if m, err := call(t, conn, "last"); err != nil || string(m.Bytes(m.Result)) != `"last"` {
				t.Errorf("got %s, %v", m.Raw, err)
			}
		})
		if err == nil || !strings.Contains(err.Error(), "exit code 0") {
			t.Errorf("Run returned %v", err)
		}
	}
}

// What was asked before a server closed its input is still answered.
func TestAServerThatClosesItsInputMayAnswerOn(t *testing.T) {
	t.Parallel()
	answer := filepath.Join(t.TempDir(), "answer")
	o := shell(server(`*last*) exec <&-; echo closed >&2; while [ ! -e "$ANSWER" ]; do sleep 0.01; done; echo '{"jsonrpc":"2.0","id":'$id',"result":"last"}';;`))
	o.Env = append(o.Env, "ANSWER="+answer)
	o.Grace.Close = time.Minute
	var log logged
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	err := run(t, o, opening(), func(conn upstream.Conn, _ func()) {
		var asked sync.WaitGroup
		defer asked.Wait()
		asked.Go(func() {
			if m, err := call(t, conn, "last"); err != nil || string(m.Bytes(m.Result)) != `"last"` {
				t.Errorf("got %s, %v", m.Raw, err)
			}
		})
		await(t, "the input is closed", func() bool { return strings.Contains(log.String(), "line=closed") })
		await(t, "writing fails", func() bool {
			return conn.Notify(t.Context(), mcp.AppendNotification(nil, "notifications/message", []byte("{}"))) != nil
		})
		if err := os.WriteFile(answer, nil, 0o600); err != nil {
			t.Error(err)
		}
	})
	if err == nil || !strings.Contains(err.Error(), "exit code 0") {
		t.Errorf("Run returned %v", err)
	}
}

// A process that left the group and holds the pipes does not keep Run.
func TestAnEscapedProcessDoesNotKeepRun(t *testing.T) {
	t.Parallel()
	o := shell("setsid sh -c 'echo $$ >&2; exec sleep 1000' &\n" + server("*end*) exit 0;;"))
	var log logged
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	err := run(t, o, opening(), func(conn upstream.Conn, _ func()) {
		await(t, "the process has left", func() bool { return log.escaped() != 0 })
		_, _ = call(t, conn, "end")
	})
	if err == nil || !strings.Contains(err.Error(), "exit code 0") {
		t.Errorf("Run returned %v", err)
	}
	if err := syscall.Kill(log.escaped(), syscall.SIGKILL); err != nil {
		t.Errorf("the escaped process: %v", err)
	}
}

// logged is a log that many may write.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// escaped returns the process id on the first line of stderr, 0 before it is there.
func (l *logged) escaped() (pid int) {
	_, line, _ := strings.Cut(l.String(), " line=")
	_, _ = fmt.Sscan(line, &pid)
	return pid
}

func TestStderrIsLoggedByLineAndExplainsAnEnd(t *testing.T) {
	t.Parallel()
	o := shell(`i=0; while [ $i -lt 20 ]; do echo "line $i" >&2; i=$((i+1)); done; head -c 100000 /dev/zero | tr '\0' x >&2; echo >&2; echo '' >&2; printf 'no key' >&2; exit 3`)
	var log logged
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	err := run(t, o, opening(), stopNow)
	if got := err.Error(); !strings.Contains(got, `backend "test" ended with exit code 3 before it was ready`) || strings.Contains(got, "no key") {
		t.Errorf("Run returned %v", got)
	}
	var f *fault.Error
	if !errors.As(err, &f) || !strings.HasSuffix(f.Cause.Error(), "| no key") || strings.Contains(f.Cause.Error(), "line 5 ") || len(f.Cause.Error()) > 5000 {
		t.Errorf("its cause ends with %s", f.Cause.Error()[max(0, len(f.Cause.Error())-300):])
	}
	text := log.String()
	if n := strings.Count(text, "backend=test"); n != 22 || !strings.Contains(text, `line="line 7"`) || len(text) > 10_000 {
		t.Errorf("%d lines were logged, %d bytes: %.300s", n, len(text), text)
	}
}

func TestTheEnvironmentIsTheGivenOneAlone(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{nil, {"ONLY=this"}} {
		o := stdio.Options{Name: "test", Command: "/usr/bin/env", Env: env}
		var log logged
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		_ = run(t, o, opening(), stopNow)
		for _, kv := range append(os.Environ(), env...) {
			given := len(env) > 0 && kv == env[0]
			if name, _, _ := strings.Cut(kv, "="); strings.Contains(log.String(), name+"=") != given {
				t.Errorf("with %v: %s, in %s", env, name, log.String())
			}
		}
	}
}

func TestStartFailuresNameTheRemedy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("#!/no/such/interpreter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/no/such/interpreter\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		o    stdio.Options
		want string
	}{
		{"not in PATH", stdio.Options{Command: "file", Env: []string{"PATH=/nowhere:" + dir}}, `backend "test": the command "file" was not found in PATH (install it, write its full path as "command", or set PATH in "env")`},
		{"no PATH at all", stdio.Options{Command: "sh"}, `backend "test": the command "sh" was not found in PATH (install it, write its full path as "command", or set PATH in "env")`},
		{"a relative PATH is not followed", stdio.Options{Command: "script", Dir: dir, Env: []string{"PATH=."}}, `backend "test": the command "script" was not found in PATH (install it, write its full path as "command", or set PATH in "env")`},
		{"no such file", stdio.Options{Command: "/nowhere/server"}, `backend "test": "/nowhere/server" could not be started (the file, or the interpreter its first line names, does not exist)`},
		{"no such interpreter", stdio.Options{Command: "script", Env: []string{"PATH=" + dir}}, `backend "test": "script" could not be started (the file, or the interpreter its first line names, does not exist)`},
		{"not executable", stdio.Options{Command: file}, `backend "test": "` + file + `" could not be started (the file is not executable for this user)`},
		{"arguments in the command", stdio.Options{Command: "npx -y server", Env: []string{"PATH=" + dir}}, `backend "test": the command "npx -y server" was not found in PATH ("command" is the program alone: what follows it stands in "args")`},
		{"arguments with a path in the command", stdio.Options{Command: "npx -y @a/server", Env: []string{"PATH=" + dir}}, `backend "test": "npx -y @a/server" could not be started ("command" is the program alone: what follows it stands in "args")`},
		{"the shell's home directory", stdio.Options{Command: "~/bin/server"}, `backend "test": "~/bin/server" could not be started (~ stands for nothing here: write ${HOME})`},
		{"a directory", stdio.Options{Command: dir}, `backend "test": "` + dir + `" could not be started (it is a directory: name the program in it)`},
		{"no such directory", stdio.Options{Command: "/bin/sh", Dir: "/nowhere"}, `backend "test": the working directory "/nowhere" does not exist (correct "cwd")`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.o.Name = "test"
			err := run(t, tt.o, opening(), stopNow)
			if fault.KindOf(err) != fault.Unavailable || err.Error() != tt.want {
				t.Errorf("Run returned %v", err)
			}
		})
	}
}

func TestTheEndOfTheContextEndsAnOpening(t *testing.T) {
	t.Parallel()
	g := &groups{}
	o := shell("echo started >&2; sleep 1000")
	o.Guard, o.Grace = g, stdio.Grace{Close: time.Millisecond, Term: time.Minute}
	var log logged
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	conn := stdio.Driver{Options: o}.Connect(opening(), upstream.Discard{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- conn.Run(ctx, func(upstream.Info) { t.Error("became ready") }) }()
	await(t, "the process runs", func() bool { return strings.Contains(log.String(), "started") })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
	g.gone(t)
}

func TestAServerThatClosesItsOutputIsEnded(t *testing.T) {
	t.Parallel()
	o := shell(server("*end*) exec >&-; while :; do sleep 1000; done;;"))
	o.Grace = stdio.Grace{Close: time.Millisecond, Term: time.Minute}
	err := run(t, o, opening(), func(conn upstream.Conn, _ func()) { _, _ = call(t, conn, "end") })
	if err == nil || !strings.Contains(err.Error(), "closed its standard input or output") {
		t.Errorf("Run returned %v", err)
	}
}

func TestARefusedInitializeIsNamed(t *testing.T) {
	t.Parallel()
	o := shell(`read -r line; id=${line#*'"id":'}; echo '{"jsonrpc":"2.0","id":'${id%%,*}',"error":{"code":-32000,"message":"no licence"}}'; cat`)
	err := run(t, o, opening(), stopNow)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "no licence") {
		t.Errorf("Run returned %v", err)
	}
}
