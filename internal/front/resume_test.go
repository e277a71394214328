package front_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
)

// places reads the events of a stream until it ends or breaks. It returns the place of the last one that came whole, and
// what the events say.
func places(in *bufio.Reader) (last string, said []string) {
	place := ""
	for {
		text, err := in.ReadString('\n')
		if err != nil {
			return last, said
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": ")
		switch name {
		case "id":
			place = value
		case "data":
			if value != "" {
				said = append(said, value)
			}
		case "":
			last = place
		}
	}
}

// numbered is the n-th message of a call, about 10 KiB of it.
func numbered(n int) string {
	return string(note(fmt.Sprintf("%05d", n) + strings.Repeat("x", 10<<10)))
}

// TestASlowClientComesBackForTheRest: a legacy client that does not read loses its connection. What the store holds it
// gets where it resumes, each message once and in order; beyond that the oldest are missing. Always there is the answer, and
// after it the word that nothing more comes.
func TestASlowClientComesBackForTheRest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		messages int
		whole    bool
	}{
		"within what is kept": {90, true},
		"more than is kept":   {400, false},
		"more than may wait":  {2000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { comesBack(t, tt.messages, tt.whole) })
		})
	}
}

func comesBack(t *testing.T, messages int, whole bool) {
	r := newRig(t, front.Options{WriteTimeout: 10 * time.Second}, gateway.Setup{})
	var want []string
	for i := range messages {
		want = append(want, numbered(i))
	}
	r.gateway.serve["test/later"] = func(_ context.Context, _ *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error) {
		for _, msg := range want {
			st.Send([]byte(msg))
		}
		return result(m, `{}`), nil
	}
	c := pipeClient(t, r.pipe(t))
	c.open()
	resp := c.post(t.Context(), later)
	in := bufio.NewReader(resp.Body)
	first := next(t, in)
	time.Sleep(time.Minute) // in which it does not read
	last, said := places(in)
	_ = resp.Body.Close()
	last, said = cmp.Or(last, first.id), append([]string{first.data}, said...)
	rest := c.do(t.Context(), http.MethodGet, "/mcp", "", "Last-Event-Id", last)
	last, more := places(bufio.NewReader(rest.Body))
	_ = rest.Body.Close()
	after := c.do(t.Context(), http.MethodGet, "/mcp", "", "Last-Event-Id", last)
	read(t, after)

	want = append(want, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	missing := len(want) - len(said) - len(more)
	if missing < 0 || (missing == 0) != whole || len(said) == 0 || len(more) < 90 && !whole {
		t.Fatalf("of %d messages came %d, then %d", len(want), len(said), len(more))
	}
	all := slices.Concat(said, more)
	notes := all[:len(all)-1]
	if all[len(all)-1] != want[messages] || !slices.IsSorted(notes) || len(slices.Compact(notes)) != len(all)-1 {
		t.Error("messages are out of order, or come twice, or the answer is missing")
	}
	if after.StatusCode != http.StatusNoContent {
		t.Errorf("after the answer: %s", after.Status)
	}
	c.http.CloseIdleConnections()
}
