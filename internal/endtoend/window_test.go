package endtoend_test

import (
	"bytes"
	"net/http"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/upstreamtest"
)

// announcing is what a backend says that tells of changes.
func announcing(prompt string) upstreamtest.Script {
	return upstreamtest.Script{Eras: legacyOnly, Offers: map[string]string{
		mcp.MethodPromptsList:   `{"prompts":[{"name":"` + prompt + `"}]}`,
		mcp.MethodResourcesList: `{"resources":[{"uri":"test://a","name":"a"}]}`,
		mcp.MethodSubscribe:     `{}`,
	}}
}

// hold keeps what holds a text back until release is closed, and tells when it is there.
func (w *web) hold(text string) (there, release chan struct{}) {
	there, release = make(chan struct{}, 100), make(chan struct{})
	w.posted = func(body []byte) {
		if bytes.Contains(body, []byte(text)) {
			there <- struct{}{}
			<-release
		}
	}
	return there, release
}

// TestASubscriptionThatAReloadMeets: a backend is replaced while it is being asked for a subscription, and kept alive by a
// call. What it then grants, its successor is asked for.
func TestASubscriptionThatAReloadMeets(t *testing.T) {
	t.Parallel()
	for _, era := range bothEras {
		t.Run(string(era.String()), func(t *testing.T) {
			t.Parallel()
			old, fresh := newWeb(announcing("p")), newWeb(announcing("p"))
			before := old.serve(t, "b")
			after := fresh.serve(t, "b")
			before.Isolation, after.Isolation = gateway.Shared, gateway.Shared
			there, release := old.hold(`"resources/subscribe"`)
			calls := make(chan struct{}, 1)
			held := old.posted
			old.posted = func(body []byte) {
				if bytes.Contains(body, []byte("go on")) {
					calls <- struct{}{}
				}
				held(body)
			}
			asked := make(chan struct{}, 100)
			fresh.posted = func(body []byte) {
				if bytes.Contains(body, []byte(`"resources/subscribe"`)) {
					asked <- struct{}{}
				}
			}
			r := start(t, setup(before))
			r.ready()
			inTheBackground(r.connect(mcp.Legacy, "/mcp"), "b_1mcp_await", `{"text":"go on"}`)
			receive(t, calls, "the call that keeps the old backend")

			c := r.connect(era, "/mcp")
			subscribed := make(chan struct{})
			go func() {
				defer close(subscribed)
				if era == mcp.Modern {
					c.listenFor(`1`, `"resourceSubscriptions":["test://a"]`).told(mcp.NoteAcknowledged)
				} else {
					c.ask(c.request(`1`, mcp.MethodSubscribe, `"uri":"test://a"`, ""))
				}
			}()
			receive(t, there, "the subscription at the old backend")
			r.gateway.Apply(setup(after))
			close(release)
			receive(t, subscribed, "the answer")
			receive(t, asked, "the subscription at the new backend")
		})
	}
}

// TestAReplacementThatComesLate: the backend that a reload puts in another's place is away at first. When it comes, who
// listens at its own endpoint learns that it offers something else.
func TestAReplacementThatComesLate(t *testing.T) {
	t.Parallel()
	for _, era := range bothEras {
		t.Run(string(era.String()), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func() (http.Handler, func()) {
				w := newWeb(announcing("new"))
				return w, w.endAll
			})
			s.down()
			r := start(t, setup(overHTTP(t, "b", announcing("old"))))
			r.ready()
			l := r.connect(era, "/mcp/servers/b").listen()
			r.gateway.Apply(setup(overURL(t, "b", "http://"+s.addr, remote.HTTP)))
			s.up()
			r.ready()
			l.told(mcp.NotePromptsChanged)
		})
	}
}

// TestASessionsOwnConnectionIsReplaced: a backend restarts and offers something else. The session's connection is there again
// before the gateway has listed the backend, and still its client learns of it: of all lists whose changes the backend tells.
func TestASessionsOwnConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	first, second := newWeb(announcing("old")), newWeb(announcing("new"))
	there, release := second.hold(`"prompts/list"`)
	next := first
	s := newSite(t, func() (http.Handler, func()) { return next, next.endAll })
	r := start(t, setup(overURL(t, "b", "http://"+s.addr, remote.HTTP)))
	r.ready()
	c := r.connect(mcp.Legacy, "/mcp/servers/b")
	before, l := c.whoami("whoami"), c.listen()
	s.down()
	next = second
	s.up()
	receive(t, there, "the gateway's listing")
	if after := c.whoami("whoami"); after == before {
		t.Fatal("the connection is the old one")
	}
	close(release)
	for _, note := range []string{mcp.NoteToolsChanged, mcp.NoteResourcesChanged} {
		l.told(note)
	}
}
