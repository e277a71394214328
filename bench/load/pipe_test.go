package load_test

import (
	"bufio"
	"io"
	"strings"
	"testing"

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
			questions, answers := answering(t, 7, func(answer string) string {
				if !strings.Contains(answer, `"id":7,`) {
					return answer
				}
				return strings.Replace(answer, test.old, test.with, 1)
			})
			result, err := load.Pipe(questions, answers, 7, 0)
			switch {
			case test.want == "" && (err != nil || result.Calls != 7):
				t.Errorf("%d calls, %v", result.Calls, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want one that holds %q", err, test.want)
			}
		})
	}
}

// answering is a server that answers n messages and then ends.
func answering(t *testing.T, n int, spoil func(string) string) (io.Writer, io.Reader) {
	s, err := backend.New(backend.Profile{Era: backend.Both, Tools: 3})
	if err != nil {
		t.Fatal(err)
	}
	in, questions := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan struct{})
	t.Cleanup(func() {
		answers.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		defer out.Close()
		for lines := bufio.NewScanner(in); n > 0 && lines.Scan(); n-- {
			_, answer, _ := s.Answer(lines.Bytes())
			_, _ = io.WriteString(out, spoil(string(answer)+"\n")) // the test may have ended
		}
	}()
	return questions, answers
}
