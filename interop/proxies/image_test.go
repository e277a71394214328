//go:build linux

package proxies_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestImage assembles the small image's files with the commands of the
// Dockerfile and runs it, without a container engine, in a chroot: as its user,
// in its directory, with its environment, with nothing else there.
func TestImage(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		miss(t, "a chroot needs root")
	}
	root := assemble(t)
	stages := dockerfile(t)
	box := container{root: root, stage: stages[len(stages)-1]}
	write(t, filepath.Join(root, "app"), "mcp.json", deployed(t, "compose/page/mcp.json"))
	chmod(t, filepath.Join(root, "app", "mcp.json"), 0o644)

	address := reserve(t)
	_, port, _ := net.SplitHostPort(address)
	box.env = []string{"ONE_MCP_HOST=127.0.0.1", "ONE_MCP_PORT=" + port} // a test does not listen on all interfaces

	_, check, _ := strings.Cut(box.stage.last("HEALTHCHECK"), "CMD ")
	if out, err := box.command(t, argv(t, check)...).CombinedOutput(); err == nil {
		t.Fatalf("the health check is content before there is a gateway: %s", out)
	}
	serve(t, box, address)
	if out, err := box.command(t, argv(t, check)...).CombinedOutput(); err != nil {
		t.Errorf("the health check: %v\n%s", err, out)
	}
	testImageServes(t, "http://"+address+"/mcp")
	if got := box.owner(t, "var/lib/1mcp/probe.key"); got != box.stage.last("USER") {
		t.Errorf("the key in the state directory belongs to %s", got)
	}
}

// testImageServes: the server that mcp.json names by its bare name is started.
func testImageServes(t *testing.T, endpoint string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := connect(t, &mcp.StreamableClientTransport{Endpoint: endpoint}, legacy)
	for {
		names, err := c.tools(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(names, "example_1mcp_echo") {
			break
		}
		c.awaitChange(ctx, t)
	}
	res, err := c.CallTool(ctx, &mcp.CallToolParams{Name: "example_1mcp_echo", Arguments: map[string]any{"text": "hi"}})
	if err != nil || res.IsError {
		t.Errorf("echo: %+v, %v", res, err)
	}
}

// assemble runs the commands of the build stage, with directories of the test
// in the place of /out and /rootfs, and the COPY instructions of the last.
func assemble(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "1mcp-image")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	chmod(t, dir, 0o755)
	root := filepath.Join(dir, "rootfs")
	places := strings.NewReplacer(" /out/", " "+dir+"/out/", " /rootfs", " "+root)
	stages := dockerfile(t)
	for _, i := range stages[0].instructions {
		if i.name != "RUN" || strings.Contains(i.rest, "go mod download") {
			continue
		}
		cmd := exec.Command("sh", "-c", places.Replace(i.rest))
		cmd.Dir = repository()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("RUN %s: %v\n%s", i.rest, err, out)
		}
	}
	for _, i := range stages[len(stages)-1].instructions {
		if i.name == "COPY" {
			own(t, root, i.rest)
		}
	}
	return root
}

// own gives what one COPY brings the owner that it names. All of them copy a
// path of /rootfs to the same path of the image.
func own(t *testing.T, root, copied string) {
	t.Helper()
	fields := strings.Fields(copied)
	from, to := fields[len(fields)-2], fields[len(fields)-1]
	if strings.TrimSuffix(from, "/") != strings.TrimSuffix("/rootfs"+to, "/") {
		t.Fatalf("COPY %s moves things", copied)
	}
	uid, gid := 0, 0
	for _, f := range fields {
		if _, err := fmt.Sscanf(f, "--chown=%d:%d", &uid, &gid); err == nil {
			break
		}
	}
	err := filepath.WalkDir(filepath.Join(root, to), func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// container runs commands as an engine would in the image.
type container struct {
	root  string
	stage stage
	env   []string // beside the image's
}

func (c container) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = c.stage.last("WORKDIR")
	cmd.Env = append(c.stage.env(), c.env...)
	var uid, gid uint32
	if _, err := fmt.Sscanf(c.stage.last("USER"), "%d:%d", &uid, &gid); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	return cmd
}

// owner is the user and the group of a file, as USER would have them.
func (c container) owner(t testing.TB, path string) string {
	t.Helper()
	info, err := os.Stat(filepath.Join(c.root, path))
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", stat.Uid, stat.Gid)
}

// serve starts what the image starts and waits until it serves.
func serve(t *testing.T, box container, address string) {
	t.Helper()
	cmd := box.command(t, append(argv(t, box.stage.last("ENTRYPOINT")), argv(t, box.stage.last("CMD"))...)...)
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("the gateway ended with %v and had printed:\n%s", err, &printed)
		}
	})
	awaitServed(t, address, cmd.Process.Pid)
}

func chmod(t testing.TB, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
