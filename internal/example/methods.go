package example

import (
	"context"
	_ "embed" // for the offer

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// offer is what the server has, as its list answers show it.
//
//go:embed offer.json
var offer []byte

const instructions = "A small server to try things with: echo returns a text, count shows progress, ask asks you, fail fails."

// methods is the table of all methods.
func methods() map[string]method {
	return map[string]method{
		"initialize":               {run: (*server).initialize, legacyOnly: true},
		"ping":                     {run: (*server).ping, legacyOnly: true},
		"logging/setLevel":         {run: (*server).setLevel, legacyOnly: true},
		"server/discover":          {run: (*server).discover, modernOnly: true},
		"subscriptions/listen":     {run: (*server).listen, modernOnly: true, async: true},
		"tools/list":               {run: list("tools")},
		"tools/call":               {run: (*server).callTool, async: true},
		"resources/list":           {run: list("resources")},
		"resources/templates/list": {run: list("resourceTemplates")},
		"resources/read":           {run: (*server).readResource},
		"prompts/list":             {run: list("prompts")},
		"prompts/get":              {run: (*server).getPrompt},
		"completion/complete":      {run: (*server).complete},
	}
}

// features are the server's capabilities: all fixed, nothing to subscribe to.
type features struct {
	Completions struct{} `json:"completions"`
	Logging     struct{} `json:"logging"`
	Prompts     struct{} `json:"prompts"`
	Resources   struct{} `json:"resources"`
	Tools       struct{} `json:"tools"`
}

func (s *server) initialize(_ context.Context, c *call) (result, error) {
	var params struct {
		Version      string       `json:"protocolVersion"`
		Capabilities capabilities `json:"capabilities"`
	}
	if err := json.Unmarshal(c.params, &params); err != nil || params.Version == "" {
		return result{}, invalidParams("initialize needs a protocolVersion and capabilities")
	}
	if s.session != nil {
		return result{}, &wireError{Code: codeInvalidRequest, Message: "the session is initialized already"}
	}
	s.session = &caller{caps: params.Capabilities}
	return result{body: struct {
		Version      string         `json:"protocolVersion"`
		Capabilities features       `json:"capabilities"`
		ServerInfo   implementation `json:"serverInfo"`
		Instructions string         `json:"instructions"`
	}{negotiate(params.Version), features{}, self(), instructions}}, nil
}

func (s *server) discover(context.Context, *call) (result, error) {
	return result{cacheable: true, body: struct {
		Versions     []string `json:"supportedVersions"`
		Capabilities features `json:"capabilities"`
		Instructions string   `json:"instructions"`
	}{supportedVersions(), features{}, instructions}}, nil
}

func (s *server) ping(context.Context, *call) (result, error) {
	return result{body: struct{}{}}, nil
}

func (s *server) setLevel(_ context.Context, c *call) (result, error) {
	var params struct {
		Level string `json:"level"`
	}
	if err := json.Unmarshal(c.params, &params); err != nil || severity(params.Level) < 0 {
		return result{}, invalidParams("level is not a log level")
	}
	s.session.level = params.Level
	return result{body: struct{}{}}, nil
}

// listen honours no kind of notification, since nothing ever changes, and
// holds the stream until the client or the input ends it.
func (s *server) listen(ctx context.Context, c *call) (result, error) {
	meta := map[string]jsontext.Value{"io.modelcontextprotocol/subscriptionId": c.id}
	s.out.notify("notifications/subscriptions/acknowledged", struct {
		Meta          map[string]jsontext.Value `json:"_meta"`
		Notifications struct{}                  `json:"notifications"`
	}{Meta: meta})
	select {
	case <-s.closing:
	case <-ctx.Done():
	}
	return result{subscription: c.id, body: struct{}{}}, nil
}

// list answers with one member of the offer, in one page.
func list(member string) func(*server, context.Context, *call) (result, error) {
	return func(_ *server, _ context.Context, c *call) (result, error) {
		var params struct {
			Cursor *string `json:"cursor"`
		}
		if c.params != nil && json.Unmarshal(c.params, &params) != nil || params.Cursor != nil {
			return result{}, invalidParams("this server gives no cursors, so it knows none")
		}
		var all map[string]jsontext.Value
		if err := json.Unmarshal(offer, &all); err != nil {
			return result{}, err
		}
		return result{cacheable: true, body: map[string]jsontext.Value{member: all[member]}}, nil
	}
}
