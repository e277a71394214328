package front

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"onemcp/internal/gateway"
)

//go:embed index.html
var indexText string

var indexPage = template.Must(template.New("index").Parse(indexText))

// index is what the front page shows.
type index struct {
	Name     string           `json:"name"`
	Version  string           `json:"version"`
	URL      string           `json:"url"`    // to paste into a client
	OldURL   string           `json:"sseUrl"` // for clients of the old transport
	Health   string           `json:"healthUrl"`
	Backends []gateway.Status `json:"backends"`
}

// serveIndex tells people what this is: browsers get a page, others JSON.
func (f *Front) serveIndex(x *exchange, r *http.Request) error {
	base := x.access.Base.Of(x.decision)
	page := index{
		Name: "1mcp", Version: f.Version, Backends: f.Gateway.Status(),
		URL: base + "/mcp", OldURL: base + "/sse", Health: base + "/health",
	}
	h := x.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	if !names(r.Header["Accept"], typeHTML) {
		return x.json(http.StatusOK, page)
	}
	var body bytes.Buffer
	if err := indexPage.Execute(&body, page); err != nil {
		return err
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	x.WriteHeader(http.StatusOK)
	_, _ = x.Write(body.Bytes())
	return nil
}
