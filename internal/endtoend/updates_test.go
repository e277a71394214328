package endtoend_test

import (
	"slices"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// watched is what the backends of these tests list. One of their resources may not be subscribed to.
var watched = upstreamtest.Script{Deny: "test://denied", Offers: map[string]string{
	mcp.MethodPromptsList:   `{"prompts":[{"name":"p"}]}`,
	mcp.MethodResourcesList: `{"resources":[{"uri":"test://a","name":"a"},{"uri":"test://b/","name":"b"},{"uri":"test://denied","name":"d"}]}`,
}}

// follower is a client that has subscribed to a resource, with its stream.
type follower struct {
	*client
	*listener
	id string // of the subscription, raw

	retold bool // its connection was replaced, and each time it is told that the lists and what it follows may be others
}

// follow subscribes to test://a. The id is the modern subscription's.
func (w *world) follow(id string) *follower {
	w.t.Helper()
	f := &follower{client: w.connect()}
	if w.caller == mcp.Legacy {
		f.listener = f.listenFor("", "")
		f.subscription(mcp.MethodSubscribe, "test://a")
		return f
	}
	f.id = id
	f.listener = f.listenFor(id, `"promptsListChanged":true,"resourceSubscriptions":["test:\/\/a","test://denied","test://unknown"]`)
	m := f.told(mcp.NoteAcknowledged)
	f.checkTag(m)
	honoured := `["test:\/\/a","test://unknown"]`
	if w.merged { // nobody lists what is unknown
		honoured = `["test:\/\/a"]`
	}
	differ(w.t, "what is honoured", `{"promptsListChanged":true,"resourceSubscriptions":`+honoured+`}`, string(m.Value(mcp.FieldNotifications)))
	return f
}

// subscription subscribes or unsubscribes a legacy client.
func (f *follower) subscription(method, uri string) {
	f.client.t.Helper()
	if m := f.ask(f.request(f.nextID(), method, `"uri":"`+uri+`"`, "")); m.Kind != mcp.Result {
		f.client.t.Fatalf("%s: %s", method, m.Raw)
	}
}

// changed waits for an update of a resource.
func (f *follower) changed(uri string) {
	f.client.t.Helper()
	m := f.heard(mcp.NoteResourceUpdated)
	if got, _ := m.Text(mcp.FieldURI); got != uri {
		f.client.t.Errorf("got %s, wanted an update of %s", m.Raw, uri)
	}
	f.checkTag(m)
}

// heard is told, but for news where the connection was replaced that are none of the backend's.
func (f *follower) heard(method string) *mcp.Message {
	f.client.t.Helper()
	for {
		msg, err := f.next()
		if err != nil {
			f.client.t.Fatalf("waiting for %s: %v", method, err)
		}
		m, err := mcp.Scan(msg)
		doubted := m.Method == mcp.NoteResourceUpdated && !strings.Contains(string(msg), `"x":[1.0]`)
		switch {
		case err == nil && f.retold && (m.Method == mcp.NoteToolsChanged || m.Method == mcp.NoteResourcesChanged || doubted):
		case err == nil && m.Method == method:
			return &m
		default:
			f.client.t.Fatalf("got %s, wanted %s", msg, method)
		}
	}
}

// checkTag: what belongs to a modern subscription names it, as its client wrote it; for a legacy one there is no such key.
func (f *follower) checkTag(m *mcp.Message) {
	f.client.t.Helper()
	if tag := string(m.Value(mcp.FieldMetaSubscription)); tag != f.id {
		f.client.t.Errorf("the subscription is %s in %s", tag, m.Raw)
	}
}

// listsChanged waits until all has changed that a follower is told of.
func (f *follower) listsChanged() {
	f.client.t.Helper()
	if f.era == mcp.Modern {
		f.checkTag(f.told(mcp.NotePromptsChanged))
		return
	}
	for _, note := range []string{mcp.NoteToolsChanged, mcp.NotePromptsChanged, mcp.NoteResourcesChanged} {
		f.told(note)
	}
}

// unfollow ends the subscription.
func (f *follower) unfollow() {
	f.client.t.Helper()
	if f.era == mcp.Modern {
		f.leave()
		return
	}
	f.subscription(mcp.MethodUnsubscribe, "test://a")
}

const updateOfA = `{"uri":"test://a","x":[1.0]}`

// TestUpdatesGoToThoseWhoAsked: two have subscribed to a resource, another client has not.
func TestUpdatesGoToThoseWhoAsked(t *testing.T) {
	t.Parallel()
	along(t, every(), watched, func(t *testing.T, w *world) {
		bystander := w.connect().listen()
		one, two := w.follow(`"one\u0031"`), w.follow(`9007199254740993`)
		w.news(mcp.NoteResourceUpdated, updateOfA)
		one.changed("test://a")
		two.changed("test://a")
		one.unfollow()
		w.news(mcp.NoteResourceUpdated, updateOfA)
		two.changed("test://a")
		w.news(mcp.NotePromptsChanged, `{}`)
		bystander.told(mcp.NotePromptsChanged) // the first thing it hears
		two.checkTag(two.told(mcp.NotePromptsChanged))
		if w.caller == mcp.Legacy {
			one.told(mcp.NotePromptsChanged)
		}
	})
}

// TestAServerWithOneSubscriptionIsHeard: over lines the servers of the Go SDK forget every subscription when one ends.
func TestAServerWithOneSubscriptionIsHeard(t *testing.T) {
	t.Parallel()
	script := watched
	script.Sole = true
	lines := slices.DeleteFunc(every(), func(w way) bool { return w.era != mcp.Modern || !w.overLines() })
	along(t, lines, script, func(t *testing.T, w *world) {
		for _, id := range []string{`1`, `2`, `3`} {
			f := w.follow(id)
			w.followed("test://a", 1)
			w.followed("promptsListChanged", 1) // no earlier subscription is left, whose end would be that of all
			w.news(mcp.NoteResourceUpdated, updateOfA)
			f.changed("test://a")
			f.vanish()
			w.followed("test://a", 0)
		}
		bystander := w.connect().listen()
		w.followed("promptsListChanged", 1) // between two subscriptions there is none
		w.news(mcp.NotePromptsChanged, `{}`)
		bystander.told(mcp.NotePromptsChanged)
	})
}

// TestAPartOfWhatIsFollowedChanges: the protocol lets a backend tell of a part of the resource that was subscribed to.
func TestAPartOfWhatIsFollowedChanges(t *testing.T) {
	t.Parallel()
	along(t, every(), watched, func(t *testing.T, w *world) {
		f := w.follow(`7`)
		w.news(mcp.NoteResourceUpdated, `{"uri":"test://ab","follows":"test://a"}`) // is none
		w.news(mcp.NoteResourceUpdated, `{"uri":"test://a/part","follows":"test://a"}`)
		if w.private() { // what comes over it is its client's, whatever it is
			f.changed("test://ab")
		}
		f.changed("test://a/part")
	})
}

// TestTheLastToLeaveEndsASubscription: on a connection that is shared the backend is asked once, and told when nobody is left.
func TestTheLastToLeaveEndsASubscription(t *testing.T) {
	t.Parallel()
	along(t, every(), watched, func(t *testing.T, w *world) {
		both := 1
		if w.private() {
			both = 2
		}
		one, two := w.follow(`1`), w.follow(`2`)
		w.followed("test://a", both)
		one.vanish()
		w.followed("test://a", 1)
		w.news(mcp.NoteResourceUpdated, updateOfA)
		two.changed("test://a")
		two.vanish()
		w.followed("test://a", 0)
	})
}

// TestSubscriptionsOutliveTheConnection: what was subscribed to is again, when the backend is back.
func TestSubscriptionsOutliveTheConnection(t *testing.T) {
	t.Parallel()
	along(t, every(), watched, func(t *testing.T, w *world) {
		f := w.follow(`"f"`)
		w.cut()
		w.followed("test://a", 1)
		f.retold = w.private() && !w.merged || w.era == mcp.Modern
		w.news(mcp.NoteResourceUpdated, updateOfA)
		f.changed("test://a")
	})
}

// TestSubscriptionsOutliveAReload: a backend that is replaced, or goes away and comes again, is asked for what its listeners want.
func TestSubscriptionsOutliveAReload(t *testing.T) {
	t.Parallel()
	along(t, every(), watched, func(t *testing.T, w *world) {
		f := w.follow(`"f"`)
		w.gateway.Apply(setup(w.spares[0]))
		w.ready()
		w.followed("test://a", 1)
		f.retold = w.private() && !w.merged
		w.news(mcp.NoteResourceUpdated, updateOfA)
		f.changed("test://a")
		if !w.merged {
			return // the endpoint goes with its backend
		}
		w.gateway.Apply(setup())
		f.listsChanged()
		w.gateway.Apply(setup(w.spares[1]))
		w.ready()
		f.listsChanged()
		w.followed("test://a", 1)
		w.news(mcp.NoteResourceUpdated, updateOfA)
		f.changed("test://a")
	})
}

// TestARefusedSubscriptionIsRefused: a legacy client gets the backend's word; a modern one is not told that it is honoured.
func TestARefusedSubscriptionIsRefused(t *testing.T) {
	t.Parallel()
	along(t, every(), watched, func(t *testing.T, w *world) {
		if w.caller == mcp.Modern {
			w.follow(`1`) // looks at what is honoured
			return
		}
		c := w.connect()
		if m := c.ask(c.request(`1`, mcp.MethodSubscribe, `"uri":"test://denied"`, "")); m.Kind != mcp.Error {
			t.Errorf("got %s", m.Raw)
		}
		w.followed("test://denied", 0)
	})
}

// TestListChangesGoToThoseWhoAsked, each of the three kinds.
func TestListChangesGoToThoseWhoAsked(t *testing.T) {
	t.Parallel()
	along(t, every(), watched, func(t *testing.T, w *world) {
		kinds := []struct{ filter, note string }{
			{"toolsListChanged", mcp.NoteToolsChanged}, {"promptsListChanged", mcp.NotePromptsChanged}, {"resourcesListChanged", mcp.NoteResourcesChanged},
		}
		listeners := make([]*listener, len(kinds))
		for i, k := range kinds {
			listeners[i] = w.connect().listenFor(`"`+k.note+`"`, `"`+k.filter+`":true`)
			if w.caller == mcp.Modern {
				listeners[i].told(mcp.NoteAcknowledged)
			}
		}
		for _, k := range kinds {
			w.news(k.note, `{}`)
			if w.caller == mcp.Legacy { // asks for all by its stream
				for _, l := range listeners {
					l.told(k.note)
				}
			}
		}
		for i, k := range kinds {
			if w.caller == mcp.Modern {
				differ(t, "whose it is", `"`+k.note+`"`, string(listeners[i].told(k.note).Value(mcp.FieldMetaSubscription)))
			}
		}
	})
}

// private reports whether each client session has a connection of its own.
func (w *world) private() bool { return w.name == "legacy-http" && w.caller == mcp.Legacy }

// vanish ends a follower's session, or its one request.
func (f *follower) vanish() {
	f.client.t.Helper()
	if f.era == mcp.Legacy {
		f.end()
	}
	f.leave()
}
