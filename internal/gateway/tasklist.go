package gateway

import (
	"context"
	"strings"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
)

// offersTasks reports whether the merged endpoint has declared legacy tasks to the client: its version knows them.
func (k *call) offersTasks() bool {
	return k.c.Session != nil && k.c.Meta.Version >= mcp.Version20251125
}

// checkTaskCall refuses a call that is to become a task where the tool's server cannot have any. The merged endpoint has
// declared tasks, so the client would take a plain result for a broken task.
func (k *call) checkTaskCall(ctx context.Context, t target) error {
	l, err := t.b.link(ctx, k.c)
	if err != nil {
		return err
	}
	defer l.release()
	requests := mcp.Member(mcp.Member(l.info.Capabilities(), "tasks"), "requests")
	switch {
	case l.info.Era == mcp.Modern:
		return fault.New(fault.Unsupported, "tool %q cannot be called as a task: tasks of server %q are those of the 2026-07-28 protocol", t.name, t.b.name)
	case mcp.Member(mcp.Member(requests, "tools"), "call") == nil:
		return fault.New(fault.Unsupported, "tool %q cannot be called as a task: server %q offers none", t.name, t.b.name)
	}
	return nil
}

// listTasks serves tasks/list on the merged endpoint: one page of one backend at a time, of those where the caller has begun
// tasks. A backend that is away is passed over.
func (k *call) listTasks(ctx context.Context, view *catalog.View) (Answer, error) {
	if !k.offersTasks() {
		return Answer{}, noMethod(k.m.Method)
	}
	all := k.taskBackends(view)
	at, cursor, ok := k.taskCursor(all)
	if !ok {
		return k.refuse(mcp.CodeInvalidParams, "the cursor is not one of this list's (begin again without a cursor)"), nil
	}
	for ; at < len(all); at, cursor = at+1, nil {
		if !k.listsTasks(ctx, all[at]) {
			continue
		}
		next := ""
		if at+1 < len(all) {
			next = all[at+1].name
		}
		return k.taskPage(ctx, all[at], cursor, next)
	}
	return k.result([]byte(`{"tasks":[]}`)), nil
}

// taskBackends returns the backends of a view where the caller has begun tasks, in order.
func (k *call) taskBackends(view *catalog.View) (all []*backend) {
	begun := k.g.owners.backendsOf(k.c)
	for _, b := range k.shown(view) {
		if begun[b.name] {
			all = append(all, b)
		}
	}
	return all
}

// taskCursor reads the request's cursor: which backend is to be asked, and for what page, raw.
func (k *call) taskCursor(all []*backend) (at int, cursor []byte, ok bool) {
	if !k.m.Has(mcp.FieldCursor) {
		return 0, nil, true
	}
	text, _ := k.m.Text(mcp.FieldCursor)
	place, ok := k.g.cursors.Open(k.m.Method, k.c.Scope.Selector, text)
	name, inner, _ := strings.Cut(place, "\n")
	if !ok {
		return 0, nil, false
	}
	if inner != "" {
		cursor = []byte(inner)
	}
	for i, b := range all {
		if b.name == name {
			return i, cursor, true
		}
	}
	return 0, nil, false
}

// listsTasks reports whether a backend is there and can list tasks.
func (k *call) listsTasks(ctx context.Context, b *backend) bool {
	if there, _, _ := b.outlook(false); there == nil {
		return false
	}
	l, err := b.link(ctx, k.c)
	if err != nil {
		return false
	}
	defer l.release()
	return l.info.Era == mcp.Legacy && mcp.Member(mcp.Member(l.info.Capabilities(), "tasks"), "list") != nil
}

// taskPage asks one backend for one page; next is the backend after it, "" for none.
func (k *call) taskPage(ctx context.Context, b *backend, cursor []byte, next string) (Answer, error) {
	one := k.again()
	if k.m.Params.Present() {
		params := mcp.Without(k.m.Bytes(k.m.Params), "cursor")
		if cursor != nil {
			params = mcp.With(params, "cursor", cursor)
		}
		m, err := mcp.Scan(mcp.Splice(nil, k.m.Raw, []mcp.Edit{{At: k.m.Params, Text: params}}))
		if err != nil {
			return Answer{}, err
		}
		one.m = &m
	}
	a, err := one.forward(ctx, target{b: b})
	if err != nil || a.Code != 0 {
		return a, err
	}
	m, err := mcp.Scan(a.Body)
	if err != nil {
		return Answer{}, err
	}
	result := m.Bytes(m.Result)
	place := next + "\n"
	if inner := mcp.Member(result, "nextCursor"); inner != nil && string(inner) != "null" {
		place = b.name + "\n" + string(inner)
	}
	result = mcp.Without(result, "nextCursor")
	if place != "\n" {
		result = mcp.With(result, "nextCursor", mcp.Quote(nil, k.g.cursors.Seal(k.m.Method, k.c.Scope.Selector, place)))
	}
	return Answer{Body: mcp.Splice(nil, m.Raw, []mcp.Edit{{At: m.Result, Text: result}})}, nil
}
