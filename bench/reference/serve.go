package reference

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// idlePerHost is enough kept connections for the largest crowd of the benchmark. The default of 2
// would measure the opening of connections.
const idlePerHost = 512

// Proxy returns a reverse proxy to servers, each of which it shows under the path of its URL. Full duplex keeps net/http from closing a request's body
// as soon as an answer begins: the transport may still look for its end, and would then give up
// the connection to the server, in the middle of a long answer.
func Proxy(to ...*url.URL) http.Handler {
	origins := map[string]*url.URL{}
	for _, u := range to {
		origins[u.Path] = &url.URL{Scheme: u.Scheme, Host: u.Host}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 0 // no limit
	transport.MaxIdleConnsPerHost = idlePerHost
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(origins[r.In.URL.Path])
			r.SetXForwarded()
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origins[r.URL.Path] == nil {
			http.NotFound(w, r)
			return
		}
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/1.1 has it
		proxy.ServeHTTP(w, r)
	})
}

// Serve serves a handler until the context ends.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	server.Close()
	<-ended
	return nil
}
