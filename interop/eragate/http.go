package eragate

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
)

type methodKey struct{} // of the JSON-RPC method in a request's context

// Proxy stands before the server at backend.
func (g Gate) Proxy(backend *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		FlushInterval:  -1,
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(backend); r.Out.URL.Path = backend.Path },
		ModifyResponse: narrowResponse,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			g.withoutBody(proxy, w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		m, v := g.judge(body)
		if g == Legacy && r.Header.Get("Mcp-Protocol-Version") >= "2026" {
			v = verdict{drop: true, reply: refusal(message{ID: []byte("null")}, -32000, "Bad Request: Unsupported protocol version", "")}
		}
		if v.drop {
			refuse(w, v)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), methodKey{}, m.Method)))
	})
}

// withoutBody handles GET and DELETE, which the modern era does not have.
func (g Gate) withoutBody(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if g == Legacy {
		next.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", http.MethodPost)
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
}

func refuse(w http.ResponseWriter, v verdict) {
	if v.reply == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(v.reply) // the client may be gone
}

func narrowResponse(r *http.Response) error {
	if r.Request.Context().Value(methodKey{}) != "server/discover" {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	body = narrow(body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
