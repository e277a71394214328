package doctor

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// passing lets a proxy say nothing at all.
func passing(*request) {}

// scheme and host are what a proxy that appends says beside the client.
func appending(r *request) {
	r.append()
	r.set("X-Forwarded-Proto", "https", "X-Forwarded-Host", r.host, "X-Real-Ip", "", "Forwarded", "", "X-Forwarded-Port", "", "X-Forwarded-Prefix", "", "X_forwarded_for", "", "Connection", "")
}

// then changes a proxy.
func then(first, second func(*request)) func(*request) {
	return func(r *request) { first(r); second(r) }
}

type planted struct {
	name  string
	world func(w *world)
	found []string // errors and warnings
	noted []string
}

func (p planted) run(t *testing.T) {
	t.Parallel()
	w := good()
	p.world(&w)
	r := Diagnose(w.observe(t))
	if got := ids(r.Findings); !slices.Equal(got, p.found) {
		t.Errorf("found %q, want %q\n%s", got, p.found, printed(t, r))
	}
	if got := ids(r.Notes); !slices.Equal(got, p.noted) {
		t.Errorf("noted %q, want %q", got, p.noted)
	}
	for _, f := range r.Findings {
		if f.Sentence == "" || strings.Contains(f.Sentence, "%!") {
			t.Errorf("%s says %q", f.ID, f.Sentence)
		}
	}
	if want := map[bool]int{true: 1, false: 0}[len(p.found) > 0]; r.Stopped == "" && r.Code() != want {
		t.Errorf("the exit code is %d", r.Code())
	}
}

func printed(t *testing.T, r *Report) string {
	var b strings.Builder
	if err := r.Print(&b, "all"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSilence holds that what is recommended has no findings.
func TestSilence(t *testing.T) {
	t.Parallel()
	for _, tt := range []planted{
		{name: "overwriting proxy", world: func(*world) {}},
		{name: "appending proxy", world: func(w *world) { w.way = []func(*request){appending} }},
		{name: "two proxies", world: func(w *world) {
			w.way, w.peers, w.trust = []func(*request){clears, appending}, []string{"10.0.0.1", proxyAddress}, "10.0.0.1,10.0.0.2"
		}},
		{name: "hop count", noted: []string{"hop_count_trust"}, world: func(w *world) {
			w.way, w.peers, w.trust = []func(*request){clears, appending}, []string{"10.0.0.1", proxyAddress}, "2"
		}},
		{name: "true behind an overwriting proxy", world: func(w *world) { w.trust = "true" }},
		{name: "not pinned, hosts named", world: func(w *world) { w.external, w.allowed = nil, []string{"mcp.example.com"} }},
		{name: "a port of its own", world: func(w *world) {
			w.url, w.external = "https://mcp.example.com:8443", []string{"https://mcp.example.com:8443"}
		}},
		{name: "a prefix", world: func(w *world) {
			w.url, w.external = "https://mcp.example.com/gw", []string{"https://mcp.example.com/gw"}
		}},
		{name: "one of two external URLs", world: func(w *world) {
			w.url, w.external = "http://mcp.example.com", []string{"https://mcp.example.com", "http://mcp.example.com"}
		}},
		{name: "unix socket", world: func(w *world) {
			w.trust, w.peers = "unix", []string{"@"}
			w.config = func(s *Setup) { s.Listener = Listener{"unix", "/run/1mcp.sock", true} }
		}},
		{name: "PROXY protocol", world: func(w *world) {
			w.way, w.peers = nil, nil
			w.config = func(s *Setup) { s.ProxyProtocol = true }
		}},
		{name: "PROXY protocol from the proxy's own machine", noted: []string{"own_address_trusted"}, world: func(w *world) {
			w.way, w.peers, w.local, w.trust = nil, nil, "127.0.0.1", "127.0.0.1"
			w.config = func(s *Setup) { s.ProxyProtocol = true }
		}},
		{name: "from the proxy's own machine", world: func(w *world) { w.local, w.trust, w.peers = "127.0.0.1", "loopback", []string{"127.0.0.1"} }},
		{name: "from there, and it appends", noted: []string{"own_address_trusted"}, world: func(w *world) {
			w.local, w.trust, w.peers, w.way = "127.0.0.1", "loopback", []string{"127.0.0.1"}, []func(*request){appending}
		}},
		{name: "Forwarded by name", world: func(w *world) {
			w.trust = `{"proxies": ["10.0.0.2"], "headers": {"clientIp": "Forwarded"}}`
			w.way = []func(*request){then(clears, func(r *request) {
				r.set("Forwarded", `for="`+doctorAddress+`:4711";proto=https;host=mcp.example.com`, "X-Forwarded-For", "", "X-Forwarded-Proto", "", "X-Forwarded-Host", "")
			})}
		}},
		{name: "a single-value header", world: func(w *world) {
			w.trust = `{"proxies": ["10.0.0.2"], "headers": {"clientIp": "CF-Connecting-IP"}}`
			w.way = []func(*request){then(clears, func(r *request) { r.set("Cf-Connecting-Ip", doctorAddress) })}
		}},
		{name: "no proxy at all", noted: []string{"no_proxy"}, world: func(w *world) {
			w.way, w.peers, w.local, w.url, w.external = nil, nil, "127.0.0.1", "http://127.0.0.1:3000", nil
			w.trust = ""
			w.change = func(o *Observations) { o.Public.Clean.Remote = netip.MustParseAddrPort("127.0.0.1:3000") }
		}},
		{name: "no URL", world: func(w *world) { w.change = func(o *Observations) { o.Public = nil } }},
		{name: "HTTP/1.0, a short header limit, a packed stream", noted: []string{"header_limit", "http_1_0", "stream_packed"}, world: func(w *world) {
			w.answer = func(a *Whoami, _ int) { a.Proto = "HTTP/1.0" }
			w.change = func(o *Observations) { o.Public.Header.Status, o.Public.Stream.Packed = 431, true }
		}},
		{name: "another clock, version and file", noted: []string{"clock", "config_differs", "idle_skipped", "version"}, world: func(w *world) {
			w.change = func(o *Observations) {
				o.Public.Idle = nil
				a := o.Direct.Whoami
				a.Time, a.Version, a.TrustProxy = a.Time.Add(-time.Minute), "2", "loopback"
			}
		}},
		{name: "forgeries stopped on the way", noted: []string{"forgeries_refused"}, world: func(w *world) {
			w.change = func(o *Observations) { o.Public.Forged.Call = Call{Status: 403, Server: "waf"} }
		}},
		{name: "Cloudflare", noted: []string{"cloudflare_date"}, world: func(w *world) { w.trust = "cloudflare,10.0.0.2" }},
	} {
		if tt.found == nil {
			tt.found = []string{}
		}
		if tt.noted == nil {
			tt.noted = []string{}
		}
		t.Run(tt.name, tt.run)
	}
}

// TestFindings has a case for every finding that the address, the scheme and the host give.
func TestFindings(t *testing.T) {
	t.Parallel()
	unpinned := func(w *world) { w.external, w.allowed = nil, []string{"mcp.example.com"} }
	for _, tt := range []planted{
		{name: "proxy not in the list", found: []string{"untrusted_peer"}, world: func(w *world) { w.trust = "10.9.9.9" }},
		{name: "nobody trusted", found: []string{"untrusted_peer"}, world: func(w *world) { w.trust = "false" }},
		{name: "outer proxy not in the list", found: []string{"untrusted_hop"}, world: func(w *world) {
			w.way, w.peers = []func(*request){clears, appending}, []string{"10.0.0.1", proxyAddress}
		}},
		{name: "says nothing", found: []string{"client_header_absent", "scheme_absent"}, world: func(w *world) {
			w.way = []func(*request){then(clears, func(r *request) { r.set("X-Forwarded-For", "", "X-Forwarded-Proto", "", "X-Forwarded-Host", "") })}
		}},
		{name: "says unknown", found: []string{"client_header_broken"}, world: func(w *world) {
			w.way = []func(*request){then(clears, func(r *request) { r.set("X-Forwarded-For", "unknown") })}
		}},
		{name: "bare proxy_pass", found: []string{"headers_passed", "host_lost", "not_appended", "scheme_absent"}, world: func(w *world) {
			unpinned(w)
			w.way = []func(*request){func(r *request) { r.host = "127.0.0.1:3000" }}
		}},
		{name: "single-value header passed on", found: []string{"not_appended"}, world: func(w *world) {
			w.trust = `{"proxies": ["10.0.0.2"], "headers": {"clientIp": "CF-Connecting-IP"}}`
		}},
		{name: "true behind an appending proxy", found: []string{"trust_too_wide"}, world: func(w *world) { w.trust, w.way = "true", []func(*request){appending} }},
		{name: "the client's network in the list", found: []string{"trust_too_wide"}, world: func(w *world) {
			w.trust, w.way = "10.0.0.2,203.0.113.0/24", []func(*request){appending}
		}},
		{name: "the same behind an overwriting proxy", found: []string{"trust_too_wide"}, world: func(w *world) { w.trust = "10.0.0.2,203.0.113.0/24" }},
		{name: "an outer proxy that passes on", found: []string{"trust_too_wide"}, world: func(w *world) {
			w.way, w.peers, w.trust = []func(*request){passing, appending}, []string{"127.0.0.1", "127.0.0.1"}, "loopback"
			w.local = "127.0.0.77"
		}},
		{name: "one hop too many counted", noted: []string{"hop_count_trust"}, found: []string{"hop_count"}, world: func(w *world) { w.trust = "2" }},
		{name: "one hop too many, appending", noted: []string{"hop_count_trust"}, found: []string{"hop_count"}, world: func(w *world) {
			w.trust, w.way = "2", []func(*request){appending}
		}},
		{name: "one hop too few", noted: []string{"hop_count_trust"}, found: []string{"hop_count"}, world: func(w *world) {
			w.trust, w.way, w.peers = "1", []func(*request){clears, appending}, []string{"10.0.0.1", proxyAddress}
		}},
		{name: "PROXY protocol, clients trusted", found: []string{"trust_too_wide"}, world: func(w *world) {
			w.way, w.peers, w.trust = nil, nil, "203.0.113.0/24"
			w.config = func(s *Setup) { s.ProxyProtocol = true }
		}},
		{name: "PROXY protocol without TLS", found: []string{"wrong_scheme"}, world: func(w *world) {
			w.way, w.peers = nil, nil
			w.config = func(s *Setup) { s.ProxyProtocol = true }
			w.answer = func(a *Whoami, _ int) { a.Scheme = "http" }
		}},
		{name: "no scheme behind TLS", found: []string{"scheme_absent"}, world: func(w *world) {
			unpinned(w)
			w.way = []func(*request){then(clears, func(r *request) { r.set("X-Forwarded-Proto", "") })}
		}},
		{name: "no scheme without TLS", found: []string{"scheme_absent"}, world: func(w *world) {
			w.url, w.external = "http://mcp.example.com", []string{"http://mcp.example.com"}
			w.way = []func(*request){then(clears, func(r *request) { r.set("X-Forwarded-Proto", "") })}
		}},
		{name: "wrong scheme", found: []string{"wrong_scheme"}, world: func(w *world) {
			w.way = []func(*request){then(clears, func(r *request) { r.set("X-Forwarded-Proto", "http") })}
		}},
		{name: "garbage for a scheme", found: []string{"bad_proto", "wrong_scheme"}, world: func(w *world) {
			w.way = []func(*request){then(clears, func(r *request) { r.set("X-Forwarded-Proto", "tls") })}
		}},
		{name: "upstream's name for a host", found: []string{"host_lost"}, world: func(w *world) {
			unpinned(w)
			w.way = []func(*request){then(clears, func(r *request) { r.host = "gateway:3000"; r.set("X-Forwarded-Host", "") })}
		}},
		{name: "port lost", found: []string{"port_lost"}, world: func(w *world) {
			unpinned(w)
			w.url = "https://mcp.example.com:8443"
			w.way = []func(*request){then(clears, func(r *request) { r.host = "mcp.example.com"; r.set("X-Forwarded-Host", "") })}
		}},
		{name: "prefix lost", found: []string{"prefix_lost"}, world: func(w *world) {
			unpinned(w)
			w.url = "https://mcp.example.com/gw"
		}},
		{name: "another external URL", found: []string{"external_url"}, world: func(w *world) { w.external = []string{"https://other.example.com"} }},
		{name: "headers passed on", found: []string{"headers_passed"}, world: func(w *world) {
			unpinned(w)
			w.way = []func(*request){func(r *request) { r.append(); r.set("X-Forwarded-Proto", "https") }}
		}},
		{name: "the Connection header passed on", found: []string{"headers_passed"}, world: func(w *world) {
			w.way = []func(*request){func(r *request) {
				was := r.header["Connection"]
				clears(r)
				r.header["Connection"] = was
			}}
		}},
		{name: "the Connection header obeyed", found: []string{"connection_strips"}, world: func(w *world) {
			w.way = []func(*request){func(r *request) {
				asked := r.header["Connection"] != nil
				if clears(r); asked {
					r.set("X-Forwarded-Proto", "")
				}
			}}
		}},
		{name: "underscores of the proxy's own", found: []string{"alias_header"}, world: func(w *world) {
			w.way = []func(*request){then(clears, func(r *request) { r.set("X_forwarded_proto", "https") })}
		}},
	} {
		if tt.noted == nil {
			tt.noted = []string{}
		}
		t.Run(tt.name, tt.run)
	}
}

// TestFlow has a case for every finding about how requests and answers pass.
func TestFlow(t *testing.T) {
	t.Parallel()
	const at = "https://mcp.example.com"
	redirect := func(pairs ...string) func(*world) {
		return changed(func(o *Observations) {
			o.Public.Clean.Whoami = nil
			for i := 0; i < len(pairs); i += 2 {
				o.Public.Clean.Redirects = append(o.Public.Clean.Redirects, Redirect{pairs[i], pairs[i+1], 301})
			}
		})
	}
	lost := func(status int, server, body string) func(*world) {
		return changed(func(o *Observations) { o.Public.Clean = Call{Status: status, Server: server, Body: body} })
	}
	failed := func(kind string) func(*world) {
		return changed(func(o *Observations) { o.Public.Clean = Call{Failure: Failure{kind, kind}} })
	}
	requires := func(then func(*world)) func(*world) {
		return func(w *world) {
			then(w)
			w.config = func(s *Setup) { s.ProxyProtocol = true }
		}
	}
	for _, tt := range []planted{
		{name: "loop", found: []string{"redirect_loop"}, world: redirect(at+"/whoami", at+"/whoami")},
		{name: "loop over two", found: []string{"redirect_loop"}, world: redirect(at+"/whoami", "http://mcp.example.com/whoami", "http://mcp.example.com/whoami", at+"/whoami")},
		{name: "loop that the gateway stopped", found: []string{"redirect_loop"}, world: lost(http.StatusLoopDetected, "", "")},
		{name: "back to http", found: []string{"redirect_to_http"}, world: redirect(at+"/whoami", "http://mcp.example.com/whoami")},
		{name: "on to https", found: []string{"redirect_to_https"}, world: redirect("http://mcp.example.com/whoami", at+"/whoami")},
		{name: "inner address", found: []string{"redirect_inner"}, world: redirect(at+"/whoami", "http://127.0.0.1:3000/whoami/")},
		{name: "inner name", found: []string{"redirect_inner"}, world: redirect(at+"/whoami", "http://gateway/whoami/")},
		{name: "inner port", found: []string{"redirect_inner"}, world: redirect(at+"/whoami", "https://mcp.example.com:3000/whoami/")},
		{name: "another site", found: []string{"redirect_elsewhere"}, world: redirect(at+"/whoami", "https://www.example.com/whoami")},
		{name: "the same site", found: []string{"redirect"}, world: changed(func(o *Observations) {
			o.Public.Clean.Redirects = []Redirect{{at + "/whoami", at + "/1mcp/whoami", 302}}
		})},
		{name: "unknown name", found: []string{"unreachable"}, world: failed("dns")},
		{name: "no TLS", found: []string{"tls"}, world: failed("tls")},
		{name: "closed", found: []string{"unreachable"}, world: failed("cut")},
		{name: "closed for want of a PROXY header", found: []string{"proxy_protocol"}, world: requires(failed("cut"))},
		{name: "bad gateway for want of a PROXY header", found: []string{"proxy_protocol"}, world: requires(lost(502, "nginx", ""))},
		{name: "unexpected PROXY header", found: []string{"proxy_protocol"}, world: lost(400, "", "400 Bad Request")},
		{name: "bad gateway", found: []string{"upstream_down"}, world: lost(502, "nginx", "")},
		{name: "path not passed on", found: []string{"path_lost"}, world: lost(404, "nginx", "<html>")},
		{name: "prefix not known", found: []string{"prefix_lost"}, world: lost(404, "", `{"error":"there is nothing at /gw/whoami"}`)},
		{name: "credentials", found: []string{"proxy_refuses"}, world: lost(401, "nginx", "<html>")},
		{name: "untrusted and rejected", found: []string{"untrusted_peer"}, world: lost(400, "", `{"error":"untrusted_headers"}`)},
		{name: "another site's page", found: []string{"other_site"}, world: lost(200, "nginx", "Welcome to nginx!")},
		{name: "token removed", found: []string{"token_lost"}, world: changed(func(o *Observations) { o.Public.Clean.Whoami.Version = "" })},
		{name: "token refused", found: []string{"token_lost"}, world: lost(403, "", `{"error":{"message":"for local callers"}}`)},
		{name: "host guard", found: []string{"host_guard"}, world: changed(func(o *Observations) { o.Public.Plain = Call{Status: 403, Body: "check id: host_denied"} })},
		{name: "POST refused", found: []string{"post_refused"}, world: changed(func(o *Observations) { o.Public.Plain = Call{Status: 405, Body: "<html>"} })},
		{name: "POST unanswered", found: []string{"post_refused"}, world: changed(func(o *Observations) { o.Public.Plain = Call{Failure: Failure{"cut", "EOF"}} })},
		{name: "buffered", found: []string{"stream_buffered"}, world: changed(func(o *Observations) { o.Public.Stream.Came = []time.Duration{6e8, 6e8, 6e8} })},
		{name: "stream cut", found: []string{"stream_cut"}, world: changed(func(o *Observations) { o.Public.Stream.Came, o.Public.Stream.Cut = []time.Duration{1}, true })},
		{name: "no stream", found: []string{"stream_broken"}, world: changed(func(o *Observations) { o.Public.Stream = Stream{Call: Call{Status: 504}} })},
		{name: "idle", found: []string{"idle_cut"}, world: changed(func(o *Observations) { o.Public.Idle.Cut = true })},
		{name: "body limit", found: []string{"body_limit"}, world: changed(func(o *Observations) { o.Public.Body.Status = 413 })},
		{name: "body limit above", found: []string{"body_limit"}, world: changed(func(o *Observations) { o.Public.Limit.Status = 413 })},
		{name: "body limit by a cut", found: []string{"body_limit"}, world: changed(func(o *Observations) { o.Public.Body.Call = Call{Failure: Failure{"cut", "EOF"}} })},
		{name: "body refused", found: []string{"body_refused"}, world: changed(func(o *Observations) { o.Public.Body.Status = 403 })},
		{name: "port open", found: []string{"port_open"}, world: changed(func(o *Observations) { o.Public.Open = []string{"198.51.100.1:3000"} })},
	} {
		tt.noted = []string{}
		t.Run(tt.name, tt.run)
	}
}

func changed(change func(*Observations)) func(*world) {
	return func(w *world) { w.change = change }
}

// TestSetup has a case for every finding that needs no request.
func TestSetup(t *testing.T) {
	t.Parallel()
	alone := changed(func(o *Observations) { o.Public = nil })
	open := func(s *Setup) { s.Listener = Listener{"tcp", "0.0.0.0:3000", false} }
	with := func(trust string, config func(s *Setup)) func(*world) {
		return func(w *world) {
			alone(w)
			w.trust, w.config = trust, config
		}
	}
	for _, tt := range []planted{
		{name: "true for the world", found: []string{"trust_everybody"}, world: with("true", open)},
		{name: "hops for the world", found: []string{"hop_count_trust"}, world: with("1", open)},
		{name: "some of Cloudflare", found: []string{"cloudflare_partial"}, world: with("173.245.48.0/20,103.21.244.0/22", nil)},
		{name: "any host", found: []string{"host_unpinned"}, world: with("loopback", func(s *Setup) { s.External = nil })},
		{name: "nobody's PROXY header", found: []string{"proxy_protocol_nobody"}, world: with("false", func(s *Setup) { s.ProxyProtocol = true })},
		{name: "slow heart", found: []string{"heartbeat"}, world: with("loopback", func(s *Setup) { s.Heartbeat = time.Minute })},
		{name: "wrong file", found: []string{"config_error"}, noted: []string{"config_warning"}, world: with("loopback", func(s *Setup) {
			s.Problems = []Problem{{"mcp.json:1:1: wrong", false}, {"mcp.json:2:1: odd", true}}
		})},
	} {
		if tt.noted == nil {
			tt.noted = []string{}
		}
		t.Run(tt.name, func(t *testing.T) {
			tt.world = both(tt.world, func(w *world) {
				old := w.change
				w.change = func(o *Observations) {
					old(o)
					for _, e := range o.Setup.External { // what runs has the same settings
						o.Direct.Whoami.ExternalURL = []string{e.String()}
					}
				}
			})
			tt.run(t)
		})
	}
}

func both(a, b func(*world)) func(*world) { return func(w *world) { a(w); b(w) } }

// TestStopped holds that a gateway that cannot be asked is no clean result.
func TestStopped(t *testing.T) {
	t.Parallel()
	for id, direct := range map[string]Call{
		"gateway_down":  {Failure: Failure{"refused", "connection refused"}},
		"token_refused": {Status: 403},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			w := good()
			o := w.observe(t)
			o.Direct, o.Public = direct, nil
			if r := Diagnose(o); !r.Has(id) || r.Code() != 2 || !strings.Contains(printed(t, r), r.Stopped) {
				t.Errorf("code %d\n%s", r.Code(), printed(t, r))
			}
		})
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	w := good()
	w.way, w.peers, w.trust = []func(*request){clears, appending}, []string{"10.0.0.1", proxyAddress}, "10.0.0.1,10.0.0.2"
	const want = "client 203.0.113.7 → proxy 10.0.0.1 (trusted) → peer 10.0.0.2 (trusted) → gateway 127.0.0.1:3000\n" +
		"the gateway sees client 203.0.113.7 (verified), scheme https, host mcp.example.com; its public URL is https://mcp.example.com\n\nnothing is wrong\n"
	if got := printed(t, Diagnose(w.observe(t))); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

// TestPrintSelects holds that lines for other proxies stay away once the proxy is known.
func TestPrintSelects(t *testing.T) {
	t.Parallel()
	w := good()
	w.trust, w.way = "10.0.0.2", []func(*request){passing}
	o := w.observe(t)
	o.Public.Clean.Server = "nginx/1.22.1"
	r := Diagnose(o)
	var known, asked strings.Builder
	if err := r.Print(&known, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Print(&asked, "haproxy"); err != nil {
		t.Fatal(err)
	}
	if text := known.String(); !strings.Contains(text, "proxy_set_header X-Forwarded-For") || strings.Contains(text, "HAProxy:") {
		t.Errorf("of an nginx\n%s", text)
	}
	if text := asked.String(); !strings.Contains(text, "option forwardfor") || strings.Contains(text, "nginx:") {
		t.Errorf("for HAProxy\n%s", text)
	}
}

// TestEveryTopicHasLines holds the table of fixes against the topics and the proxies.
func TestEveryTopicHasLines(t *testing.T) {
	t.Parallel()
	var table map[topic][]Fix
	if err := json.Unmarshal(fixTable, &table); err != nil {
		t.Fatal(err)
	}
	all := []topic{tellClient, tellScheme, keepHost, clearForged, guardConnect, passUpstream, passPath, passPost, proxyHeader, noRedirect,
		noBuffer, longIdle, largeBody, longHeader, newerHTTP, noCertificate}
	if len(table) != len(all) {
		t.Errorf("%d topics in the table, %d in the program", len(table), len(all))
	}
	for _, topic := range all {
		if len(table[topic]) == 0 {
			t.Errorf("%s has no lines", topic)
		}
		for _, fix := range table[topic] {
			if !slices.Contains(Proxies(), fix.For) || len(fix.Lines) == 0 {
				t.Errorf("%s for %q: %q", topic, fix.For, fix.Lines)
			}
		}
	}
}
