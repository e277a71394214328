package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"onemcp/internal/gateway"
	"onemcp/internal/obs"
	"onemcp/internal/trustproxy"
)

// measured are the metrics as the front sees them.
type measured struct {
	*obs.Metrics
	main bool // shown on the main listener
}

// Handler implements front.Metrics.
func (m measured) Handler() http.Handler {
	if !m.main {
		return nil
	}
	return m.Metrics.Handler()
}

// serveMetrics shows the metrics on a listener of their own, where one is configured. That it cannot
// be opened is no reason not to serve.
func (d *Daemon) serveMetrics(ctx context.Context, address string) error {
	if address == "" {
		<-ctx.Done()
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		d.o.Log.Error("metrics are not served", "address", address, "error", err, "hint", "correct server.metrics")
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", d.metrics.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	d.o.Log.Info("metrics are served", "url", "http://"+l.Addr().String()+"/metrics")
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// watched counts what the front derives. It implements front.Watcher.
type watched struct{ metrics *obs.Metrics }

// Saw implements front.Watcher.
func (w watched) Saw(d *trustproxy.Decision, _ http.Header) {
	if d.Flags != 0 {
		w.metrics.Flags(d.Flags)
	}
}

// Raised implements front.Watcher.
func (w watched) Raised(_ *trustproxy.Decision, f trustproxy.Flag) { w.metrics.Flag(f) }

func countStates(all []gateway.Status) map[string]int {
	counts := make(map[string]int)
	for _, s := range all {
		counts[string(s.State)]++
	}
	return counts
}
