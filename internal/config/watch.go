package config

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quiet is how long the files must stay untouched before they are read: editors and
	// orchestrators write in several steps.
	quiet = 100 * time.Millisecond
	// patience bounds the wait in a directory that is never quiet.
	patience = time.Second
)

// Watcher tells when the content of a configuration file, or of the .env beside it, has changed.
//
// It watches directories and not files, since editors put a new file in place of the
// old one, and it follows symbolic links, since a Kubernetes ConfigMap is changed by turning
// one to another directory. It compares contents, so that an event that changed nothing
// is not told. Directories that a link in the middle of the path leads to are
// not watched; neither are file systems that report no events (some network mounts).
type Watcher struct {
	path    string
	changed func()
	seen    [sha256.Size]byte
}

// NewWatcher returns a watcher that compares with the files as they are now. Create it before [Load],
// so that no change falls between the two. Nothing is watched before Run.
func NewWatcher(path string, changed func()) *Watcher {
	return &Watcher{path: path, changed: changed, seen: fingerprint(path)}
}

// Run watches until ctx ends, and returns an error only when watching is not possible. It calls
// changed from its own goroutine, one call at a time, also for a change that came
// before Run. It must be called once.
func (w *Watcher) Run(ctx context.Context) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching %s: %w", w.path, err)
	}
	defer func() { _ = notify.Close() }()
	if err := w.follow(notify); err != nil {
		return fmt.Errorf("watching %s: %w", w.path, err)
	}
	w.compare()
	return w.loop(ctx, notify)
}

func (w *Watcher) loop(ctx context.Context, notify *fsnotify.Watcher) error {
	settle := time.NewTimer(quiet)
	settle.Stop()
	defer settle.Stop()
	var limit time.Time // of the wait under way; zero when there is none
	wait := func() {
		if limit.IsZero() {
			limit = time.Now().Add(patience)
		}
		settle.Reset(min(quiet, time.Until(limit)))
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-notify.Events:
			wait()
		case <-notify.Errors: // events were lost: look
			wait()
		case <-settle.C:
			limit = time.Time{}
			if w.follow(notify) != nil {
				settle.Reset(patience)
			}
			w.compare()
		}
	}
}

func (w *Watcher) compare() {
	if now := fingerprint(w.path); now != w.seen {
		w.seen = now
		w.changed()
	}
}

// follow watches the directory, and those that the two files lead to through links. What is watched
// already stays so; a link to nowhere is looked at again after the next event. Its error
// is that of the directory itself, which may come back after it was removed.
func (w *Watcher) follow(notify *fsnotify.Watcher) error {
	for _, path := range []string{w.path, dotEnv(w.path)} {
		for range 8 { // links that lead to links
			target, err := os.Readlink(path)
			if err != nil {
				break
			}
			path = absolute(filepath.Dir(path), target)
			_ = notify.Add(filepath.Dir(path))
		}
	}
	return notify.Add(filepath.Dir(w.path))
}
