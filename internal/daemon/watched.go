package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"onemcp/internal/gateway"
	"onemcp/internal/obs"
	"onemcp/internal/trustproxy"
	"onemcp/internal/trustwatch"
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
func (w *web) serveMetrics(ctx context.Context, address string) error {
	if address == "" {
		<-ctx.Done()
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		w.d.o.Log.Error("metrics are not served", "address", address, "error", err, "hint", "correct server.metrics")
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", w.metrics.Handler())
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 5 * time.Minute}
	w.d.o.Log.Info("metrics are served", "url", "http://"+l.Addr().String()+"/metrics")
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// counted are the metrics as the watch sees them. Requests are counted by the front.
type counted struct {
	metrics *obs.Metrics
	peers   *[2]atomic.Int64 // trusted, others
}

// Request implements trustwatch.Metrics.
func (c counted) Request(trustproxy.Status) {}

// Anomaly implements trustwatch.Metrics.
func (c counted) Anomaly(f trustproxy.Flag) { c.metrics.Flag(f) }

// Peers implements trustwatch.Metrics.
func (c counted) Peers(trusted, untrusted int) {
	c.peers[0].Store(int64(trusted))
	c.peers[1].Store(int64(untrusted))
}

// webhookTime bounds the delivery of one alert.
const webhookTime = 10 * time.Second

// deliver posts an alert to server.anomalyWebhook.
func (w *web) deliver(ctx context.Context, a trustwatch.Alert) {
	hook := w.webhook.Load()
	if hook == nil || hook.Empty() {
		return
	}
	body, err := json.Marshal(a)
	if err == nil {
		err = post(ctx, hook.Reveal(), body)
	}
	if err != nil {
		w.d.o.Log.Warn("an alert could not be delivered", "flag", a.Flag, "error", err)
	}
}

var errWebhook = errors.New("server.anomalyWebhook cannot be reached, or refuses")

// post sends JSON. Its error does not show the URL, which may hold a secret.
func post(ctx context.Context, url string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, webhookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return errWebhook
	}
	r.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	answer, err := client.Do(r)
	if err != nil {
		return errWebhook
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%w: status %d", errWebhook, answer.StatusCode)
	}
	return nil
}

func countStates(all []gateway.Status) map[string]int {
	counts := make(map[string]int)
	for _, s := range all {
		counts[string(s.State)]++
	}
	return counts
}
