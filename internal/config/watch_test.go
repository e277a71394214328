package config_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onemcp/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched runs a watcher on dir/mcp.json and returns what it tells. It stops with the test.
func watched(t *testing.T, path string) <-chan string {
	t.Helper()
	told := make(chan string, 100)
	w := config.NewWatcher(path, func() {
		data, err := os.ReadFile(path)
		if err != nil {
			data = []byte("gone")
		}
		told <- string(data)
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return told
}

// until waits for the watcher to tell of a content. There may be other calls on the way to it.
func until(t *testing.T, told <-chan string, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		select {
		case got := <-told:
			if got == want {
				return
			}
		case <-ctx.Done():
			t.Fatalf("never told of %q", want)
		}
	}
}

func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatchTellsOfEveryWayToChangeAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mcp.json")
	write(t, path, "1")
	told := watched(t, path)
	write(t, path, "2")
	until(t, told, "2")
	replace(t, path, "3")
	until(t, told, "3")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	until(t, told, "gone")
	write(t, path, "4")
	until(t, told, "4")
}

func TestWatchTellsOfAChangeBeforeRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mcp.json")
	write(t, path, "old")
	told := make(chan string, 1)
	w := config.NewWatcher(path, func() { told <- "changed" })
	write(t, path, "new")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	until(t, told, "changed")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestWatchTellsOfDotEnv(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mcp.json")
	write(t, path, "same")
	told := watched(t, path)
	write(t, filepath.Join(dir, ".env"), "A=1")
	until(t, told, "same")
	replace(t, filepath.Join(dir, ".env"), "A=2")
	until(t, told, "same")
}

// An unrelated file and a rewrite of the same bytes make events, but are no change: what is told next is
// the change that follows them.
func TestWatchDoesNotTellOfWhatChangedNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mcp.json")
	write(t, path, "same")
	told := watched(t, path)
	write(t, filepath.Join(dir, "other"), "x")
	replace(t, path, "same")
	replace(t, path, "next")
	if got := <-told; got != "next" {
		t.Errorf("told of %q first", got)
	}
}

// A Kubernetes ConfigMap: mcp.json leads to ..data/mcp.json, and ..data is turned to a new directory.
func TestWatchFollowsAConfigMap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, version := range []string{"1", "2", "3"} {
		if err := os.Mkdir(filepath.Join(dir, "..v"+version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "..v"+version, "mcp.json"), version)
	}
	link(t, "..v1", filepath.Join(dir, "..data"))
	path := filepath.Join(dir, "mcp.json")
	link(t, filepath.Join("..data", "mcp.json"), path)
	told := watched(t, path)
	link(t, "..v2", filepath.Join(dir, "..data"))
	until(t, told, "2")
	link(t, "..v3", filepath.Join(dir, "..data"))
	if err := os.RemoveAll(filepath.Join(dir, "..v2")); err != nil {
		t.Fatal(err)
	}
	until(t, told, "3")
}

func TestWatchFollowsALinkToAnotherDirectory(t *testing.T) {
	t.Parallel()
	elsewhere := filepath.Join(t.TempDir(), "real.json")
	write(t, elsewhere, "1")
	path := filepath.Join(t.TempDir(), "mcp.json")
	link(t, elsewhere, path)
	told := watched(t, path)
	write(t, elsewhere, "2")
	until(t, told, "2")
	replace(t, elsewhere, "3")
	until(t, told, "3")
}

func TestWatchSurvivesTheDirectoryBeingReplaced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "conf")
	path := filepath.Join(dir, "mcp.json")
	mkdir := func() {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mkdir()
	write(t, path, "0")
	told := watched(t, path)
	write(t, path, "1")
	until(t, told, "1")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	until(t, told, "gone")
	mkdir()
	write(t, path, "2")
	until(t, told, "2")
}

func TestWatchNeedsTheDirectory(t *testing.T) {
	t.Parallel()
	w := config.NewWatcher(filepath.Join(t.TempDir(), "none", "mcp.json"), func() {})
	if err := w.Run(t.Context()); err == nil {
		t.Error("no error")
	}
}
