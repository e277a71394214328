package example

import (
	"context"
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var errInputEnded = errors.New("the input ended before the answer came")

// form is the params of elicitation/create.
type form struct {
	Message string `json:"message"`
	Schema  struct {
		Type       string `json:"type"`
		Properties struct {
			Answer struct {
				Type string `json:"type"`
			} `json:"answer"`
		} `json:"properties"`
		Required []string `json:"required"`
	} `json:"requestedSchema"`
}

func formFor(question string) form {
	f := form{Message: question}
	f.Schema.Type, f.Schema.Properties.Answer.Type = "object", "string"
	f.Schema.Required = []string{"answer"}
	return f
}

// ask asks the user, in the way of the caller's era.
func (s *server) ask(ctx context.Context, c *call, t toolCall) (result, error) {
	args := struct {
		Question string `json:"question"`
	}{"What is your name?"}
	switch {
	case !t.read(&args) || args.Question == "":
		return failed("ask needs a question that is a text."), nil
	case c.modern:
		return askModern(c, t, args.Question)
	case !c.caps.forms():
		return failed("This client cannot ask its user: it declared no elicitation of forms."), nil
	}
	return s.askLegacy(ctx, args.Question)
}

// askModern answers with the question, or, in the retry, with the answer.
func askModern(c *call, t toolCall, question string) (result, error) {
	if t.State != nil && *t.State != stateFor(question) {
		return result{}, invalidParams("requestState is not the one that this question was given")
	}
	if answer, ok := t.Responses["answer"]; ok && t.State != nil {
		return report(answer), nil
	}
	if !c.caps.forms() {
		return result{}, missingForms()
	}
	type ask struct {
		Method string `json:"method"`
		Params form   `json:"params"`
	}
	return result{inputRequired: true, body: struct {
		Requests map[string]ask `json:"inputRequests"`
		State    string         `json:"requestState"`
	}{map[string]ask{"answer": {"elicitation/create", formFor(question)}}, stateFor(question)}}, nil
}

func missingForms() *wireError {
	required := jsontext.Value(`{"requiredCapabilities":{"elicitation":{"form":{}}}}`)
	return &wireError{Code: codeMissingCapability, Message: "ask needs a client that can elicit forms", Data: required}
}

// askLegacy sends a request of our own in mid-call and waits for its response.
func (s *server) askLegacy(ctx context.Context, question string) (result, error) {
	params, err := json.Marshal(formFor(question))
	if err != nil {
		return result{}, err
	}
	id, response := s.expect()
	defer s.unexpect(id)
	s.out.send(message{ID: id, Method: "elicitation/create", Params: params})
	select {
	case m := <-response:
		if m.Error != nil {
			return failed("The client could not ask: " + m.Error.Message), nil
		}
		return report(m.Result), nil
	case <-s.closing:
		return result{}, errInputEnded
	case <-ctx.Done():
		s.withdraw(id)
		return result{}, ctx.Err()
	}
}

// withdraw tells the client that nobody waits for the answer any more.
func (s *server) withdraw(id jsontext.Value) {
	s.out.notify("notifications/cancelled", struct {
		ID     jsontext.Value `json:"requestId"`
		Reason string         `json:"reason"`
	}{id, "the call was cancelled"})
}

// report turns an elicitation's result into the tool's.
func report(raw jsontext.Value) result {
	var got struct {
		Action  string `json:"action"`
		Content struct {
			Answer string `json:"answer"`
		} `json:"content"`
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		return failed("The client's answer does not have the form that was asked for.")
	}
	switch got.Action {
	case "accept":
		return says("You answered: %s", got.Content.Answer)
	case "decline":
		return says("You declined to answer.")
	case "cancel":
		return says("You dismissed the question.")
	}
	return failed("The client's answer has an unknown action.")
}

// expect reserves an id for a request of ours.
func (s *server) expect() (jsontext.Value, <-chan message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastAsk++
	id := strconv.Itoa(s.lastAsk)
	response := make(chan message, 1)
	s.asked[id] = response
	return jsontext.Value(id), response
}

func (s *server) unexpect(id jsontext.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asked, string(id))
}

// deliver hands a response to who waits for it; one that nobody waits for,
// or that came already, is dropped.
func (s *server) deliver(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if response := s.asked[string(m.ID)]; response != nil {
		response <- m
		delete(s.asked, string(m.ID))
	}
}
