package gateway

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// streams are the subscriptions/listen of a modern backend, each of which is acknowledged at once.
type streams struct {
	mu  sync.Mutex
	all []upstream.Sink
}

func (s *streams) hear(up upstream.Sink, filter []byte) {
	s.mu.Lock()
	s.all = append(s.all, up)
	s.mu.Unlock()
	up.Notify(note(mcp.NoteAcknowledged, `{"notifications":`+string(filter)+`}`))
}

func note(method, params string) *mcp.Message {
	m, err := mcp.Scan(mcp.AppendNotification(nil, method, []byte(params)))
	if err != nil {
		panic(err)
	}
	return &m
}

// TestNothingIsLostFromOneSubscriptionToTheNext: the streams of two subscriptions/listen are not ordered, so what a backend
// said on the old one may be read when the new one has been acknowledged. Nor is it told twice. Over lines too a server may decide whom it
// tells before it takes the new one, and write that behind the acknowledgement.
func TestNothingIsLostFromOneSubscriptionToTheNext(t *testing.T) {
	t.Parallel()
	const older, old, newest = 1, 2, 3 // what is listened to first is lists alone
	for name, tt := range map[string]struct {
		on   []int // the streams on which an update comes, in the order of arrival
		told int
	}{
		"it was said before the new one": {[]int{old}, 1},
		"two were":                       {[]int{old, old}, 1},
		"an older one says it":           {[]int{older}, 1},
		"both say it, the old one first": {[]int{old, newest}, 1},
		"both say it, the new one first": {[]int{newest, old}, 1},
		"all do, twice":                  {[]int{older, old, newest, older, old, newest}, 2},
		"the new one alone":              {[]int{newest, newest}, 2},
	} {
		for _, line := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lines %v", name, line), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var s streams
					g, _ := acted{era: mcp.Modern, hear: s.hear, line: line}.act(t)
					var got []string
					l := &listener{scope: Scope{Backend: "b"}, send: func(msg []byte) { got = append(got, string(msg)) }}
					g.hub.add(l)
					synctest.Wait()
					for _, uri := range []string{"test://a", "test://b", "test://c"} {
						if _, _, err := g.subscribe(t.Context(), l, "b", uri); err != nil {
							t.Fatal(err)
						}
						synctest.Wait()
					}
					for _, i := range tt.on {
						s.all[i].Notify(note(mcp.NoteResourceUpdated, `{"uri":"test://a"}`))
					}
					time.Sleep(2 * linger)
					synctest.Wait()
					if len(got) != tt.told || slices.ContainsFunc(got, func(msg string) bool { return !strings.Contains(msg, `"test://a"`) }) {
						t.Errorf("told %q, wanted %d updates", got, tt.told)
					}
				})
			})
		}
	}
}
