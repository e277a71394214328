package endtoend_test

import (
	"fmt"
	"sync"

	"onemcp/internal/mcp"
)

const (
	topics    = 5
	followers = 20
	issues    = 8 // of each topic
)

// crowdOffers is what the backend lists whose resources are followed.
var crowdOffers = map[string]string{
	mcp.MethodResourcesList: `{"resources":[{"uri":"crowd:0","name":"0"},{"uri":"crowd:1","name":"1"},{"uri":"crowd:2","name":"2"},{"uri":"crowd:3","name":"3"},{"uri":"crowd:4","name":"4"}]}`,
	mcp.MethodSubscribe:     `{}`,
}

// gossip has followers of both eras hear of the resource each has subscribed to, while others call: every change, once,
// in order, and of no other resource.
func (r *rig) gossip() *sync.WaitGroup {
	r.t.Helper()
	listeners := make([]*listener, followers)
	for i := range followers {
		uri := fmt.Sprintf("crowd:%d", i%topics)
		era := bothEras[i/topics%2]
		path := []string{"/mcp", "/mcp/servers/http-legacy"}[i/topics/2%2]
		c := r.connect(era, path)
		listeners[i] = c.listenFor(`"news"`, `"resourceSubscriptions":["`+uri+`"]`)
		if era == mcp.Modern {
			listeners[i].told(mcp.NoteAcknowledged)
		} else if m := c.ask(c.request(`1`, mcp.MethodSubscribe, `"uri":"`+uri+`"`, "")); m.Kind != mcp.Result {
			r.t.Fatalf("subscribe: %s", m.Raw)
		}
	}
	press := r.connect(mcp.Legacy, "/mcp/servers/http-legacy")
	all := new(sync.WaitGroup)
	all.Go(func() {
		for n := range issues * topics {
			body := press.tool(press.nextID(), "announce", fmt.Sprintf(`{"method":%q,"params":{"uri":"crowd:%d","issue":%d}}`, mcp.NoteResourceUpdated, n%topics, n/topics), "")
			if reply, err := press.tryPost(press.t.Context(), body); err != nil {
				r.t.Error(err)
			} else if _, err := reply.all(); err != nil {
				r.t.Error(err)
			}
		}
	})
	for i, l := range listeners {
		all.Go(func() {
			for issue := range issues {
				msg, err := l.next()
				if err != nil {
					r.t.Errorf("follower %d, issue %d: %v", i, issue, err)
					return
				}
				m, _ := mcp.Scan(msg)
				uri, _ := m.Text(mcp.FieldURI)
				if m.Method != mcp.NoteResourceUpdated || uri != fmt.Sprintf("crowd:%d", i%topics) || string(mcp.Member(m.Bytes(m.Params), "issue")) != fmt.Sprint(issue) {
					r.t.Errorf("follower %d has got %s, waiting for issue %d", i, msg, issue)
					return
				}
			}
		})
	}
	return all
}
