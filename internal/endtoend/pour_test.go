package endtoend_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream/remote"
)

// TestALargeResultPassesWhileItComes: the client has the first half before the backend sends the second, and in the end every
// byte but the id's.
func TestALargeResultPassesWhileItComes(t *testing.T) {
	t.Parallel()
	for _, era := range bothEras {
		for name, text := range map[string]string{"id before": idBefore, "id behind": idBehind} {
			for _, form := range forms {
				t.Run(fmt.Sprintf("%s, %s, %s", era, name, form.name), func(t *testing.T) {
					t.Parallel()
					passed := make(chan struct{}, 1)
					f := newFountain(era, func(rw http.ResponseWriter, r *http.Request, id string) {
						whole := strings.Replace(text, "$ID", id, 1)
						form.begin(rw, len(whole), whole[:len(whole)/2])
						select {
						case <-passed:
							write(rw, whole[len(whole)/2:]+form.after)
						case <-time.After(patience):
						case <-r.Context().Done():
						}
					})
					_, c := f.before(t, era, front.Options{}, 0)
					for _, id := range []string{`7`, `"a\u0062\"é"`, `-12345678901234567890`} {
						reply := c.post(t.Context(), c.tool(id, "x", `{}`, ""))
						first := reply.begun(t)
						passed <- struct{}{}
						got, err := reply.last(first)
						if err != nil {
							t.Fatal(err)
						}
						want := strings.Replace(text, "$ID", id, 1)
						differ(t, "the answer", want, got)
						if length := reply.header.Get("Content-Length"); form.known != (length == strconv.Itoa(len(want))) {
							t.Errorf("the length of %d bytes is given as %q", len(want), length)
						}
					}
				})
			}
		}
	}
}

// TestALargeResultThatBreaksIsNotTakenForAWholeOne: what goes wrong in the middle, the client sees a broken body or an error, and
// its next call works.
func TestALargeResultThatBreaksIsNotTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	const limit = 2 << 20
	breaks := []struct{ name, rest string }{
		{"the backend breaks off", ""},
		{"not JSON", `x"}]}},"id":$ID}`},
		{"not UTF-8", "\xff" + `"}]},"jsonrpc":"2.0","id":$ID}`},
		{"the end is missing", `"}]},"jsonrpc":"2.0","id":$ID`},
		{"another id", `"}]},"jsonrpc":"2.0","id":1$ID}`},
		{"no id", `"}]},"jsonrpc":"2.0"}`},
		{"no version", `"}]},"id":$ID}`},
		{"an error beside the result", `"}]},"jsonrpc":"2.0","id":$ID,"error":{"code":1,"message":"x"}}`},
		{"over the limit", strings.Repeat("x", limit) + `"}]},"jsonrpc":"2.0","id":$ID}`},
	}
	for _, era := range bothEras {
		for _, b := range breaks {
			for _, form := range forms {
				if form.known && b.name == "over the limit" {
					continue // then nothing has passed; see the next test
				}
				t.Run(fmt.Sprintf("%s, %s, %s", era, b.name, form.name), func(t *testing.T) {
					t.Parallel()
					begin := `{"result":{"content":[{"type":"text","text":"` + long
					passed := make(chan struct{}, 1)
					calls := 0
					f := newFountain(era, func(rw http.ResponseWriter, r *http.Request, id string) {
						if calls++; calls > 1 {
							write(rw, strings.Replace(idBehind, "$ID", id, 1))
							return
						}
						whole := begin + strings.Replace(b.rest, "$ID", id, 1)
						form.begin(rw, max(len(whole), len(begin)+1), begin)
						select {
						case <-passed:
						case <-time.After(patience):
						}
						if b.rest == "" {
							panic(http.ErrAbortHandler)
						}
						write(rw, whole[len(begin):]+form.after)
					})
					_, c := f.before(t, era, front.Options{}, limit)
					reply := c.post(t.Context(), c.tool(`7`, "x", `{}`, ""))
					if _, err := io.ReadFull(reply.body, make([]byte, 100<<10)); err != nil {
						t.Fatal(err)
					}
					passed <- struct{}{}
					reply.isBroken(t)
					if m := c.ask(c.tool(`8`, "x", `{}`, "")); m.Kind != mcp.Result {
						t.Errorf("the next call: %.200s", m.Raw)
					}
				})
			}
		}
	}
}

// TestALargeResultThatIsWrongFromItsBeginningIsAnError, since nothing has passed yet.
func TestALargeResultThatIsWrongFromItsBeginningIsAnError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
		form             form
	}{
		{"not JSON", `{"jsonrpc":"2.0","id":$ID,"result":[x,"` + long + `"]}`, "not valid", forms[0]},
		{"not JSON, of unknown length", `{"jsonrpc":"2.0","id":$ID,"result":[x,"` + long + `"]}`, "not valid", forms[1]},
		{"not JSON, as an event", `{"jsonrpc":"2.0","id":$ID,"result":[x,"` + long + `"]}`, "not valid", forms[2]},
		{"another id", `{"jsonrpc":"2.0","id":1$ID,"result":"` + long + `"}`, "it answers another request", forms[0]},
		{"over the limit", `{"jsonrpc":"2.0","id":$ID,"result":"` + strings.Repeat(long, 4) + `"}`, "over the limit of 1048576 bytes", forms[0]},
		{"a large error", `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"as asked","data":"` + long + `"}}`, "as asked", forms[1]},
		{"a large error, as an event", `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"as asked","data":"` + long + `"}}`, "as asked", forms[2]},
	}
	for _, era := range bothEras {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, %s", era, tt.name), func(t *testing.T) {
				t.Parallel()
				_, c := newFountain(era, func(rw http.ResponseWriter, _ *http.Request, id string) {
					whole := strings.Replace(tt.text, "$ID", id, 1)
					tt.form.begin(rw, len(whole), whole+tt.form.after)
				}).before(t, era, front.Options{}, 1<<20)
				m := c.ask(c.tool(`7`, "x", `{}`, ""))
				if m.Kind != mcp.Error || string(m.IDBytes()) != "7" || !strings.Contains(m.ErrorMessage(), tt.want) {
					t.Errorf("%.300s", m.Raw)
				}
			})
		}
	}
}

// unending answers with a result that has no end, and tells when nobody takes it any more.
func unending(gone chan<- struct{}) func(http.ResponseWriter, *http.Request, string) {
	return func(rw http.ResponseWriter, r *http.Request, id string) {
		write(rw, `{"jsonrpc":"2.0","id":`+id+`,"result":"`)
		for {
			if _, err := io.WriteString(rw, long); err != nil || r.Context().Err() != nil {
				gone <- struct{}{}
				return
			}
		}
	}
}

// TestALargeResultThatNobodyWantsEnds at the backend, when the client cancels its call, hangs up, or does not read.
func TestALargeResultThatNobodyWantsEnds(t *testing.T) {
	t.Parallel()
	cancels := func(c *client, _ *reply, _ func()) { c.notify(mcp.NoteCancelled, `{"requestId":"big"}`) }
	hangsUp := func(_ *client, _ *reply, hangUp func()) { hangUp() }
	waits := func(*client, *reply, func()) {}
	tests := []struct {
		name    string
		era     mcp.Era
		timeout time.Duration // for a write
		does    func(c *client, reply *reply, hangUp func())
	}{
		{"cancelled", mcp.Legacy, patience, cancels},
		{"a legacy client has gone", mcp.Legacy, patience, hangsUp},
		{"a modern client has gone", mcp.Modern, patience, hangsUp},
		{"a legacy client does not read", mcp.Legacy, 300 * time.Millisecond, waits},
		{"a modern client does not read", mcp.Modern, 300 * time.Millisecond, waits},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{}, 1)
			f := newFountain(tt.era, unending(gone))
			_, c := f.before(t, tt.era, front.Options{WriteTimeout: tt.timeout}, 1<<30)
			ctx, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			reply := c.post(ctx, c.tool(`"big"`, "x", `{}`, ""))
			if _, err := io.ReadFull(reply.body, make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
			tt.does(c, reply, hangUp)
			receive(t, gone, "the end of the answer")
			if _, err := io.Copy(io.Discard, reply.body); err == nil {
				t.Error("the body has an end")
			}
		})
	}
}

// TestAClientThatDoesNotReadHoldsUpNobody: others call the same backend meanwhile.
func TestAClientThatDoesNotReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 1)
	r, slow := newFountain(mcp.Legacy, unending(gone)).before(t, mcp.Legacy, front.Options{}, 1<<30)
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	reply := slow.post(ctx, slow.tool(`1`, "x", `{}`, ""))
	for _, c := range []*client{slow, r.connect(mcp.Legacy, "/mcp/servers/b")} {
		if m := c.ask(c.request(`2`, mcp.MethodPromptsList, "", "")); m.Kind != mcp.Result {
			t.Errorf("%.200s", m.Raw)
		}
	}
	hangUp()
	reply.close()
	receive(t, gone, "the end of the answer")
}

// TestAClientThatDoesNotReadTakesNoPlaceOfABoundedBackend: where there are only so many calls at a time, others have their turn.
func TestAClientThatDoesNotReadTakesNoPlaceOfABoundedBackend(t *testing.T) {
	t.Parallel()
	f := newFountain(mcp.Legacy, func(rw http.ResponseWriter, _ *http.Request, id string) {
		write(rw, `{"jsonrpc":"2.0","id":`+id+`,"result":"`+strings.Repeat("x", 32<<20)+`"}`)
	})
	driver, err := remote.New(remote.Options{Name: "b", URL: serveWeb(t, f), Kind: remote.HTTP, MaxMessage: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	b := spec("b")
	b.Driver, b.MaxConcurrency = driver, 1
	r := startUnwatched(t, setup(b), session.Limits{}, front.Options{WriteTimeout: time.Hour})
	r.ready()
	slow, other := r.connect(mcp.Legacy, "/mcp/servers/b"), r.connect(mcp.Legacy, "/mcp/servers/b")
	reply := slow.post(t.Context(), slow.tool(`1`, "x", `{}`, ""))
	defer reply.close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if m := other.post(ctx, other.request(`2`, mcp.MethodPromptsList, "", "")).final(t); m.Kind != mcp.Result {
		t.Errorf("%.200s", m.Raw)
	}
}

// TestLargeResultsAreHeldByNobody: many at a time, each halfway, cost no more than a buffer each.
func TestLargeResultsAreHeldByNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		client, backend mcp.Era
		form            form
	}{
		"a body":                                 {mcp.Legacy, mcp.Legacy, forms[1]},
		"an event":                               {mcp.Legacy, mcp.Legacy, forms[2]},
		"to a modern client":                     {mcp.Modern, mcp.Legacy, forms[2]},
		"to a legacy client of a modern backend": {mcp.Legacy, mcp.Modern, forms[2]},
	} {
		t.Run(name, func(t *testing.T) {
			goOn := make(chan struct{})
			f := newFountain(tt.backend, func(rw http.ResponseWriter, _ *http.Request, id string) { halting(rw, id, tt.form, goOn) })
			r, _ := f.before(t, tt.backend, front.Options{}, 0)
			holdMany(t, r.connect(tt.client, "/mcp/servers/b"), goOn)
		})
	}
}

const (
	hugeSize = 16 << 20 // of a result
	hugeHalf = hugeSize / 2
)

// halting answers with a huge result, and waits when half of it has been written.
func halting(rw http.ResponseWriter, id string, f form, goOn <-chan struct{}) {
	piece := strings.Repeat("x", 1<<20)
	f.begin(rw, 0, `{"jsonrpc":"2.0","id":`+id+`,"result":{"content":["`)
	for written := 0; written < hugeSize; written += len(piece) {
		if written == hugeHalf {
			<-goOn
		}
		write(rw, piece)
	}
	write(rw, `"]}}`+f.after)
}

// holdMany has a client be halfway in many huge results.
func holdMany(t *testing.T, c *client, goOn chan<- struct{}) {
	const many, bound = 16, 32 << 20
	before := heap()
	var halfway, all sync.WaitGroup
	halfway.Add(many)
	for i := range many {
		all.Go(func() {
			reply, err := c.tryPost(t.Context(), c.tool(strconv.Itoa(i), "x", `{}`, ""))
			if err != nil {
				t.Error(err)
				halfway.Done()
				return
			}
			defer reply.close()
			_, err = io.CopyN(io.Discard, reply.body, hugeHalf-1<<18) // without what may lie in buffers
			halfway.Done()
			if n, err := io.Copy(io.Discard, reply.body); err != nil || n < hugeHalf {
				t.Errorf("the rest is %d bytes, %v", n, err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	halfway.Wait()
	if held := heap() - before; held > bound {
		t.Errorf("%d MiB are held of %d results", held>>20, many)
	}
	close(goOn)
	all.Wait()
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestWhatALargeResultShowsCanBeRead: a link in it leads to the backend, though no list holds it.
func TestWhatALargeResultShowsCanBeRead(t *testing.T) {
	t.Parallel()
	for _, era := range bothEras {
		t.Run(era.String(), func(t *testing.T) {
			t.Parallel()
			f := newFountain(era, func(rw http.ResponseWriter, _ *http.Request, id string) {
				write(rw, `{"result":{"content":[{"type":"resource_link","name":"r","uri":"hidden:\/\/1"},{"type":"text","text":"`+long+
					`"},{"type":"resource","resource":{"text":"`+long+`","uri":"hidden://2"}}]},"jsonrpc":"2.0","id":`+id+`}`)
			})
			r, _ := f.before(t, era, front.Options{}, 0)
			c := r.connect(era, "/mcp")
			read := func(uri string) *mcp.Message {
				return c.ask(c.request(`1`, mcp.MethodResourcesRead, `"uri":"`+uri+`"`, ""))
			}
			if m := read("hidden://1"); m.Kind != mcp.Error {
				t.Errorf("before: %.200s", m.Raw)
			}
			c.ask(c.tool(`2`, "b_1mcp_echo", `{}`, ""))
			for _, uri := range []string{"hidden://1", "hidden://2"} {
				if m := read(uri); strings.Contains(m.ErrorMessage(), "Resource not found") {
					t.Errorf("%s: %.200s", uri, m.Raw)
				}
			}
			if m := read("hidden://3"); !strings.Contains(m.ErrorMessage(), "Resource not found") {
				t.Errorf("one not shown: %.200s", m.Raw)
			}
		})
	}
}

// TestALargeAnswerBeginsATask: its progress, which comes when the call is over, reaches who has begun it.
func TestALargeAnswerBeginsATask(t *testing.T) {
	t.Parallel()
	tokens := make(chan string, 1)
	var progress string
	begun := make(chan struct{}) // closed when there is progress, of which all streams tell: it counts on that of the call's session
	f := newFountain(mcp.Legacy, func(rw http.ResponseWriter, _ *http.Request, id string) {
		write(rw, `{"jsonrpc":"2.0","id":`+id+`,"result":{"task":{"taskId":"t","status":"working"},"x":"`+long+`"}}`)
		tokens <- id
	})
	f.resume = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		write(rw, ": open\n\n")
		select {
		case <-begun:
			write(rw, "data: "+progress+"\n\n")
		case <-r.Context().Done():
		}
		<-r.Context().Done()
	}
	_, c := f.before(t, mcp.Legacy, front.Options{}, 0)
	stream := c.listen()
	c.ask(c.request(`7`, mcp.MethodToolsCall, `"name":"x","arguments":{},"task":{}`, `"progressToken":"own"`))
	progress = `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":` + receive(t, tokens, "the token") + `,"progress":1}}`
	close(begun)
	if m := stream.told(mcp.NoteProgress); string(m.Value(mcp.FieldToken)) != `"own"` {
		t.Errorf("%s", m.Raw)
	}
}
