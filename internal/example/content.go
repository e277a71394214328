package example

import (
	"context"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

const (
	greetingURI   = "example://greeting"
	greetPrefix   = "example://greet/"
	greetTemplate = greetPrefix + "{name}"
)

func (s *server) readResource(_ context.Context, c *call) (result, error) {
	var params struct {
		URI string `json:"uri"`
	}
	if err := json.Unmarshal(c.params, &params); err != nil || params.URI == "" {
		return result{}, invalidParams("resources/read needs a uri")
	}
	text, ok := resource(params.URI)
	if !ok {
		return result{}, resourceNotFound(c.modern, params.URI)
	}
	type contents struct {
		URI      string `json:"uri"`
		MIMEType string `json:"mimeType"`
		Text     string `json:"text"`
	}
	return result{cacheable: true, body: struct {
		Contents []contents `json:"contents"`
	}{[]contents{{params.URI, "text/plain", text}}}}, nil
}

// resource returns the text behind a URI.
func resource(uri string) (string, bool) {
	if uri == greetingURI {
		return "Hello from 1mcp.", true
	}
	escaped, ok := strings.CutPrefix(uri, greetPrefix)
	if !ok || escaped == "" || strings.ContainsAny(escaped, "/?#") {
		return "", false
	}
	name, err := url.PathUnescape(escaped)
	return "Hello, " + name + ".", err == nil
}

func resourceNotFound(modern bool, uri string) *wireError {
	e := &wireError{Code: codeResourceNotFound, Message: "resource not found", Data: map[string]string{"uri": uri}}
	if modern {
		e.Code = codeInvalidParams
	}
	return e
}

func (s *server) getPrompt(_ context.Context, c *call) (result, error) {
	var params struct {
		Name      string            `json:"name"`
		Arguments map[string]string `json:"arguments"`
	}
	if err := json.Unmarshal(c.params, &params); err != nil {
		return result{}, invalidParams("prompts/get needs a name and arguments that are texts")
	}
	if params.Name != "greet" {
		return result{}, invalidParams("unknown prompt: " + params.Name)
	}
	name := params.Arguments["name"]
	if name == "" {
		return result{}, invalidParams("the prompt greet needs the argument name")
	}
	type turn struct {
		Role    string  `json:"role"`
		Content content `json:"content"`
	}
	return result{body: struct {
		Description string `json:"description"`
		Messages    []turn `json:"messages"`
	}{"A greeting to " + name, []turn{{"user", content{"text", "Please greet " + name + " warmly."}}}}}, nil
}

// names are those that completion knows.
func names() []string {
	return []string{"Ada", "Alan", "Barbara", "Dennis", "Edsger", "Grace", "Katherine", "Ken", "Margaret"}
}

func (s *server) complete(_ context.Context, c *call) (result, error) {
	var params struct {
		Ref struct {
			Type string `json:"type"`
			Name string `json:"name"`
			URI  string `json:"uri"`
		} `json:"ref"`
		Argument struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"argument"`
	}
	if err := json.Unmarshal(c.params, &params); err != nil {
		return result{}, invalidParams("completion/complete needs a ref and an argument")
	}
	prompt := params.Ref.Type == "ref/prompt" && params.Ref.Name == "greet"
	template := params.Ref.Type == "ref/resource" && params.Ref.URI == greetTemplate
	if !(prompt || template) || params.Argument.Name != "name" {
		return result{}, invalidParams("nothing to complete under this ref and argument")
	}
	return completion(params.Argument.Value), nil
}

// completion returns the names that start as typed, in any case of letters.
func completion(typed string) result {
	values := []string{}
	for _, name := range names() {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(typed)) {
			values = append(values, name)
		}
	}
	type matches struct {
		Values  []string `json:"values"`
		Total   int      `json:"total"`
		HasMore bool     `json:"hasMore"`
	}
	return result{body: struct {
		Completion matches `json:"completion"`
	}{matches{values, len(values), false}}}
}
