package endtoend_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/mcp"
)

// crossed is a client of one era in front of a fountain of the other.
func crossed(t *testing.T, era mcp.Era, answer func(rw http.ResponseWriter, r *http.Request, id string)) (*fountain, *client) {
	t.Helper()
	other := mcp.Legacy
	if era == mcp.Legacy {
		other = mcp.Modern
	}
	f := newFountain(other, answer)
	r, _ := f.before(t, other, front.Options{}, 0)
	return f, r.connect(era, "/mcp/servers/b")
}

// object decodes an object.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%.300s: %v", text, err)
	}
	return out
}

// TestALargeResultPassesBetweenEras while it comes. For a modern client it gets what the era requires.
func TestALargeResultPassesBetweenEras(t *testing.T) {
	t.Parallel()
	content := `"content":[{"type":"text","text":"` + long + `"},{"type":"text","text":"` + long + `"}]`
	texts := map[string]string{
		"plain":             `{"jsonrpc":"2.0","id":$ID,"result":{` + content + `}}`,
		"with everything":   `{"result":{"resultType":"complete",` + content + `,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"own","version":"2"}}},"jsonrpc":"2.0","id":$ID}`,
		"with a meta":       `{"result":{"_meta":{"a":[]},` + content + `,"isError":true,"x":{}},"jsonrpc":"2.0","id":$ID}`,
		"with an empty one": `{"result":{` + content + `,"_meta":{ } } ,"jsonrpc":"2.0","id":$ID}`,
	}
	for _, era := range bothEras {
		for name, text := range texts {
			for _, form := range forms {
				t.Run(era.String()+" client, "+name+", "+form.name, func(t *testing.T) {
					t.Parallel()
					passed := make(chan struct{}, 1)
					_, c := crossed(t, era, func(rw http.ResponseWriter, _ *http.Request, id string) {
						whole := strings.Replace(text, "$ID", id, 1)
						form.begin(rw, len(whole), whole[:len(whole)/2])
						receive(t, passed, "the first half")
						write(rw, whole[len(whole)/2:]+form.after)
					})
					reply := c.post(t.Context(), c.tool(`"own id"`, "x", `{}`, ""))
					first := reply.begun(t)
					passed <- struct{}{}
					last, err := reply.last(first)
					if err != nil {
						t.Fatal(err)
					}
					got, want := object(t, last), object(t, strings.Replace(text, "$ID", `"own id"`, 1))
					if era == mcp.Modern {
						modernize(want["result"].(map[string]any))
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("%.300s ... %.300s", last, last[max(0, len(last)-300):])
					}
				})
			}
		}
	}
}

// modernize adds to a result of the fountain what a modern one has.
func modernize(result map[string]any) {
	if result["resultType"] == nil {
		result["resultType"] = "complete"
	}
	if result["_meta"] == nil {
		result["_meta"] = map[string]any{}
	}
	if meta := result["_meta"].(map[string]any); meta["io.modelcontextprotocol/serverInfo"] == nil {
		meta["io.modelcontextprotocol/serverInfo"] = map[string]any{"name": "scripted", "version": "1"}
	}
}

// TestALargeResultThatTheOtherEraDoesNotKnowBreaks where it is too late for an error.
func TestALargeResultThatTheOtherEraDoesNotKnowBreaks(t *testing.T) {
	t.Parallel()
	for era, end := range map[mcp.Era]string{
		mcp.Modern: `"task":{"taskId":"t","status":"working"}`,
		mcp.Legacy: `"resultType":"input_required"`,
	} {
		t.Run(era.String()+" client", func(t *testing.T) {
			t.Parallel()
			_, c := crossed(t, era, func(rw http.ResponseWriter, _ *http.Request, id string) {
				write(rw, `{"jsonrpc":"2.0","id":`+id+`,"result":{"content":[{"type":"text","text":"`+long+`"}],`+end+`}}`)
			})
			reply := c.post(t.Context(), c.tool(`7`, "x", `{}`, ""))
			if n, err := io.Copy(io.Discard, reply.body); err == nil || n == 0 {
				t.Errorf("%d bytes have come, %v", n, err)
			}
		})
	}
}

// TestALargeQuestionIsAsked of a legacy client, though it comes as a large result.
func TestALargeQuestionIsAsked(t *testing.T) {
	t.Parallel()
	rounds := 0
	_, c := crossed(t, mcp.Legacy, func(rw http.ResponseWriter, _ *http.Request, id string) {
		if rounds++; rounds > 1 {
			write(rw, `{"jsonrpc":"2.0","id":`+id+`,"result":{"resultType":"complete","content":[]}}`)
			return
		}
		write(rw, `{"jsonrpc":"2.0","id":`+id+`,"result":{"content":[],"requestState":"`+strings.Repeat("x", 1<<20)+`","resultType":"input_required"}}`)
	})
	if m := c.ask(c.tool(`7`, "x", `{}`, "")); m.Kind != mcp.Result || rounds != 2 {
		t.Errorf("after %d rounds: %.300s", rounds, m.Raw)
	}
}

// TestALargeResultGoesToWhoAnsweredTheQuestion: a modern client's second request gets it while it comes, with its own id.
func TestALargeResultGoesToWhoAnsweredTheQuestion(t *testing.T) {
	t.Parallel()
	answers, passed := make(chan string, 1), make(chan struct{}, 1)
	f, c := crossed(t, mcp.Modern, func(rw http.ResponseWriter, _ *http.Request, id string) {
		rw.Header().Set("Content-Type", "text/event-stream")
		write(rw, `data: {"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}`+"\n\n")
		if answer := receive(t, answers, "the answer to the question"); !strings.Contains(answer, `"accept"`) {
			t.Errorf("the answer is %s", answer)
		}
		text := strings.Replace(idBehind, "$ID", id, 1)
		write(rw, "data: "+text[:len(text)/2])
		receive(t, passed, "the first half")
		write(rw, text[len(text)/2:]+"\n\n")
	})
	f.answered = answers
	c.capabilities = `{"elicitation":{}}`
	asked := c.ask(c.tool(`"first"`, "x", `{}`, ""))
	result := asked.Bytes(asked.Result)
	if string(mcp.Member(mcp.Member(result, "inputRequests"), "q1")) == "" {
		t.Fatalf("no question: %.300s", asked.Raw)
	}
	again := `"name":"x","arguments":{},"inputResponses":{"q1":{"action":"accept","content":{}}},"requestState":` + string(mcp.Member(result, "requestState"))
	reply := c.post(t.Context(), c.request(`"second"`, mcp.MethodToolsCall, again, ""))
	first := reply.begun(t)
	passed <- struct{}{}
	last, err := reply.last(first)
	if err != nil {
		t.Fatal(err)
	}
	if got := object(t, last); got["id"] != "second" {
		t.Errorf("the answer has id %v", got["id"])
	}
}

// TestALargeResultEndsWithItsClient also where the call goes on without it: between eras.
func TestALargeResultEndsWithItsClient(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 1)
	_, c := crossed(t, mcp.Modern, unending(gone))
	reply := c.post(t.Context(), c.tool(`7`, "x", `{}`, ""))
	if _, err := io.ReadFull(reply.body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	reply.close()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("the backend still writes")
	}
}
