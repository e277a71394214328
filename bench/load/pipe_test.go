package load_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"onemcp/bench/backend"
	"onemcp/bench/load"
)

func TestStdioAnswersAreChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		old, with string // in the answer to the last of seven calls
		want      string // empty: no error
	}{
		"right":        {"", "", ""},
		"another id":   {`"id":7,`, `"id":8,`, "nobody waits for"},
		"an id twice":  {`"id":7,`, `"id":6,`, "nobody waits for"},
		"another text": {`call 7 `, `call 6 `, `the text is "call 6 `},
		"an error":     {`"result"`, `"error"`, `"error"`},
		"no answer":    {"\n", "", "no answer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoil := func(answer string) string {
				if !strings.Contains(answer, `"id":7,`) {
					return answer
				}
				return strings.Replace(answer, test.old, test.with, 1)
			}
			result, err := overPipes(7, 0, answering(t, greeting+7, spoil))
			switch {
			case test.want == "" && (err != nil || result.Calls != 7):
				t.Errorf("%d calls, %v", result.Calls, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want one that holds %q", err, test.want)
			}
		})
	}
}

func TestCallersGoToAllStdioServers(t *testing.T) {
	t.Parallel()
	const callers = 64
	asked := make([]int, 3)
	var pipes []load.Pipe
	for i := range asked {
		pipes = append(pipes, answering(t, callers+greeting, func(answer string) string {
			asked[i]++
			return answer
		}))
	}
	result, err := overPipes(callers, 0, pipes...)
	if err != nil || result.Calls != callers {
		t.Errorf("%d calls, %v", result.Calls, err)
	}
	for i, n := range asked { // each has ended what it writes, so nobody counts any more
		if n < callers/len(asked)/2 {
			t.Errorf("server %d answered only %d times", i, n)
		}
	}
}

func TestAnAnswerOfAnotherStdioServerIsWrong(t *testing.T) {
	t.Parallel()
	const callers = 8
	var others []string // each answer becomes that to the next call, which is with the other server now and then
	for i := range callers {
		for _, form := range []string{`"id":%d,`, `call %d `} {
			others = append(others, fmt.Sprintf(form, i+1), fmt.Sprintf(form, (i+1)%callers+1))
		}
	}
	swap := strings.NewReplacer(others...).Replace
	_, err := overPipes(callers, time.Hour, answering(t, 1000, swap), answering(t, 1000, swap))
	if err == nil || !strings.Contains(err.Error(), "nobody waits for") {
		t.Errorf("got %v", err)
	}
}

func TestStdioServersAnswerManyCallersForATime(t *testing.T) {
	t.Parallel()
	var pipes []load.Pipe
	for range 3 {
		s := testServer(t)
		pipes = append(pipes, behindPipes(t, func(in io.Reader, out io.Writer) {
			if err := s.Stdio(in, out); err != nil {
				t.Error(err)
			}
		}))
	}
	result, err := overPipes(64, 20*time.Millisecond, pipes...)
	if err != nil || result.Calls < 64 {
		t.Errorf("%d calls, %v", result.Calls, err)
	}
}

func TestAStdioServerThatCannotBeGreetedIsNamed(t *testing.T) {
	t.Parallel()
	silent := answering(t, 1, func(string) string { return "" })
	_, err := overPipes(1, 0, answering(t, 1000, unspoilt), silent)
	if err == nil || !strings.Contains(err.Error(), "stdio server 1: no answer") {
		t.Errorf("got %v", err)
	}
}

func TestMoreCallsThanFitInPipesAreRefused(t *testing.T) {
	t.Parallel()
	_, err := overPipes(1000, 0, answering(t, 1000, unspoilt))
	if err == nil || !strings.Contains(err.Error(), "at most 256") {
		t.Errorf("got %v", err)
	}
}

func overPipes(inFlight int, length time.Duration, pipes ...load.Pipe) (*load.Result, error) {
	client, err := load.Greet(pipes)
	if err != nil {
		return nil, err
	}
	return client.Run(inFlight, length)
}

// greeting is how many messages come before the calls: initialize, initialized.
const greeting = 2

func unspoilt(answer string) string { return answer }

func testServer(t *testing.T) *backend.Server {
	t.Helper()
	s, err := backend.New(backend.Profile{Era: backend.Both, Tools: 3})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answering is a server that answers up to n messages, each with a write of its own, and then ends.
func answering(t *testing.T, n int, spoil func(string) string) load.Pipe {
	t.Helper()
	s := testServer(t)
	return behindPipes(t, func(in io.Reader, out io.Writer) {
		for lines := bufio.NewScanner(in); n > 0 && lines.Scan(); n-- {
			if _, answer, _ := s.Answer(lines.Bytes()); len(answer) > 0 {
				_, _ = io.WriteString(out, spoil(string(answer)+"\n")) // the test may have ended
			}
		}
	})
}

// behindPipes is a server behind the pipes of the system, which hold what nobody has read yet.
func behindPipes(t *testing.T, serve func(io.Reader, io.Writer)) load.Pipe {
	t.Helper()
	in, questions := pipe(t)
	answers, out := pipe(t)
	var server sync.WaitGroup
	server.Go(func() {
		defer out.Close()
		defer in.Close()
		serve(in, out)
	})
	t.Cleanup(func() {
		questions.Close()
		answers.Close()
		server.Wait()
	})
	return load.Pipe{In: questions, Out: answers}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}
