package daemon

import (
	"context"

	"onemcp/internal/catalog"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// Probed is what one backend turned out to be.
type Probed struct {
	gateway.Status
	Offer map[catalog.Kind][]string // names and URIs, by list
}

// Probe starts every backend of o.Config, lists what each offers, and stops them all before it
// returns. It waits for each to be ready or to fail once, which connectionTimeout bounds. The
// error is ctx's. Of o it uses no Source and calls no function.
func Probe(ctx context.Context, o Options) ([]Probed, error) {
	watch := startGuard(o.Executable, o.Log)
	makes := drivers{environ: o.Environ, guard: watch, log: o.Log}
	sessions := session.NewTable(session.Limits{})
	g := gateway.New(gateway.Options{Version: o.Version, Log: o.Log, Sessions: sessions}, setup(o.Config, o.Environ, makes.of))
	unexpected := func(string, error) {} // the backends then do not settle as ready, which is told
	warden := start("the guard", watch.Run, unexpected)
	backends := start("the gateway", g.Run, unexpected)
	probed, err := lookAt(ctx, g)
	_ = backends.stop(context.Background())
	_ = warden.stop(context.Background())
	return probed, err
}

func lookAt(ctx context.Context, g *gateway.Gateway) (probed []Probed, err error) {
	if err := settled(ctx, g); err != nil {
		return nil, err
	}
	for _, s := range g.Status() {
		one := Probed{Status: s}
		if s.State == gateway.Ready {
			one.Offer = offer(ctx, g, s.Name)
		}
		probed = append(probed, one)
	}
	return probed, ctx.Err()
}

// settled waits until no backend is in its first start.
func settled(ctx context.Context, g *gateway.Gateway) error {
	for {
		changed := g.Changed()
		if !starting(g.Status()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func starting(all []gateway.Status) bool {
	for _, s := range all {
		if s.State == gateway.Starting {
			return true
		}
	}
	return false
}

// offer asks one backend for all of its lists. What cannot be had is left out: many backends have
// only some of them.
func offer(ctx context.Context, g *gateway.Gateway, backend string) map[catalog.Kind][]string {
	client := &gateway.Client{
		Scope:     gateway.Scope{Backend: backend},
		Principal: "probe",
		Era:       mcp.Modern,
		Meta:      mcp.ClientMeta{Version: mcp.LatestModern, Capabilities: []byte(`{}`), Info: []byte(`{"name":"1mcp check","version":"1"}`)},
	}
	out := map[catalog.Kind][]string{}
	for _, k := range catalog.Kinds() {
		if names := listAll(ctx, g, client, k); len(names) > 0 {
			out[k] = names
		}
	}
	return out
}

// maxPages bounds what a backend that pages for ever can cost.
const maxPages = 100

func listAll(ctx context.Context, g *gateway.Gateway, c *gateway.Client, k catalog.Kind) (names []string) {
	var params []byte
	for range maxPages {
		items, cursor, err := listPage(ctx, g, c, k, params)
		if err != nil {
			return names
		}
		for _, item := range items {
			names = append(names, item.Key)
		}
		if cursor == nil {
			return names
		}
		params = append(append([]byte(`{"cursor":`), cursor...), '}')
	}
	return names
}

func listPage(ctx context.Context, g *gateway.Gateway, c *gateway.Client, k catalog.Kind, params []byte) ([]catalog.Item, []byte, error) {
	bare, err := mcp.Scan(mcp.AppendRequest(nil, 1, k.Method(), params))
	if err != nil {
		return nil, nil, err
	}
	request, err := mcp.Scan(bare.RewriteRequest(nil, mcp.RequestRewrite{ID: 1, Relabel: mcp.SetLabels, Meta: c.Meta}))
	if err != nil {
		return nil, nil, err
	}
	answer, err := g.Serve(ctx, c, &request, quiet{})
	if err != nil {
		return nil, nil, err
	}
	m, err := mcp.Scan(answer.Body)
	if err != nil {
		return nil, nil, err
	}
	items, cursor, _, err := catalog.Page(k, m.Bytes(m.Result))
	return items, cursor, err
}

// quiet is a stream nobody reads.
type quiet struct{}

func (quiet) Send([]byte) {}
