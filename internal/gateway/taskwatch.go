package gateway

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// watchTime bounds how long the acknowledgement of a listener waits for the backends of its tasks.
const watchTime = 5 * time.Second

// A taskWatch is a subscriptions/listen towards one modern backend, for the state of tasks that one listener names. It
// is not shared as those for resources are: a task has one client.
type taskWatch struct {
	b      *backend
	to     *listener
	ids    [][]byte // raw
	cancel context.CancelFunc
	acked  chan [][]byte // gets, once, the ids that the backend honours
	once   sync.Once
}

// watchTasks listens to the backends of the tasks that a listener names, until ctx ends, and returns the ids that are
// honoured, raw. The goroutines are group's.
func (k *call) watchTasks(ctx context.Context, to *listener, ids [][]byte, group *sync.WaitGroup) (honoured [][]byte) {
	watches := k.tasksByOwner(to, ids)
	for _, w := range watches {
		var own context.Context
		own, w.cancel = context.WithCancel(ctx)
		group.Go(func() { w.run(own, k) })
	}
	late, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	for _, w := range watches {
		select {
		case ids := <-w.acked:
			honoured = append(honoured, ids...)
		case <-late.Done():
			w.cancel() // what comes now was not acknowledged
		}
	}
	return honoured
}

// tasksByOwner makes a watch for each backend that has some of the tasks.
func (k *call) tasksByOwner(to *listener, ids [][]byte) (watches []*taskWatch) {
	for _, raw := range ids {
		b := k.taskBackend(raw)
		if b == nil {
			continue
		}
		at := slices.IndexFunc(watches, func(w *taskWatch) bool { return w.b == b })
		if at < 0 {
			at = len(watches)
			watches = append(watches, &taskWatch{b: b, to: to, acked: make(chan [][]byte, 1)})
		}
		watches[at].ids = append(watches[at].ids, raw)
	}
	return watches
}

// taskBackend returns the backend of a task, nil if the caller has none of that id.
func (k *call) taskBackend(raw []byte) *backend {
	if name := k.c.Scope.Backend; name != "" {
		return k.gen.byName[name]
	}
	id, _ := mcp.Unquote(raw)
	view, err := k.gen.catalog.View(k.c.Scope.Selector)
	if err != nil {
		return nil
	}
	return k.taskOwner(view, id)
}

// run listens until ctx ends, or the backend refuses to be listened to.
func (w *taskWatch) run(ctx context.Context, k *call) {
	defer w.cancel()
	defer w.settle(nil)
	for ctx.Err() == nil && w.listen(ctx, k) {
		life.Pause(ctx, relisten)
	}
}

// listen listens once and reports whether another time makes sense.
func (w *taskWatch) listen(ctx context.Context, k *call) bool {
	l, err := w.b.link(ctx, k.c)
	if err != nil {
		return !errors.Is(err, errRetired)
	}
	defer l.release()
	if l.info.Era != mcp.Modern {
		return false
	}
	meta := mcp.ClientMeta{Version: l.info.Version, Capabilities: k.c.Meta.Capabilities, Info: k.c.Meta.Info}
	params := append([]byte(`{"notifications":{"taskIds":[`), bytes.Join(w.ids, []byte{','})...)
	reply, err := w.b.askAs(ctx, l, meta, mcp.MethodListen, append(params, `]}}`...), w)
	return err != nil || reply.Kind != mcp.Error
}

// settle says which ids are honoured; the first word counts.
func (w *taskWatch) settle(ids [][]byte) { w.once.Do(func() { w.acked <- ids }) }

// Notify implements upstream.Sink.
func (w *taskWatch) Notify(m *mcp.Message) {
	switch m.Method {
	case mcp.NoteAcknowledged:
		taken := mcp.Elements(mcp.Member(m.Value(mcp.FieldNotifications), "taskIds"))
		w.settle(slices.DeleteFunc(slices.Clone(w.ids), func(id []byte) bool {
			return !slices.ContainsFunc(taken, func(one []byte) bool { return sameText(one, id) })
		}))
	case mcp.NoteTasks:
		w.to.deliver(m.Retag(nil, w.to.tag))
	}
}

// Ask implements upstream.Sink.
func (w *taskWatch) Ask(m *mcp.Message, answer func([]byte)) { unasked(m, answer) }

// sameText reports whether two raw strings are the same text.
func sameText(a, b []byte) bool {
	one, ok := mcp.Unquote(a)
	other, also := mcp.Unquote(b)
	return ok && also && one == other
}
