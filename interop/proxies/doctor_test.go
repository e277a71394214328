//go:build linux

package proxies_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"onemcp/interop/harness"
)

// checkup is what the doctor says of a setup that runs.
type checkup struct {
	code int
	ids  []string // of the findings
	text string   // the whole report
}

// examine runs a setup and sends the doctor through its proxies.
func (s setup) examine(t *testing.T, limit string) checkup {
	t.Helper()
	if s.scheme == "" {
		s.scheme = "http"
	}
	proxy, state := reserve(t), t.TempDir()
	_, port, _ := net.SplitHostPort(proxy)
	config := encode(t, s.config(t, port))
	upstream := startGateway(t, config, append(s.env, "ONE_MCP_STATE_DIR="+state)...)
	s.chain(t, proxy, upstream, limit)
	at := upstream
	if strings.HasPrefix(at, "/") {
		at = "unix:" + at
	}
	cmd := exec.CommandContext(t.Context(), bin.OneMCP, "doctor", "--json", "--insecure", "--config", write(t, t.TempDir(), "mcp.json", config),
		"--gateway", at, "--state-dir", state, "--connect", proxy, "--from", clientAddress,
		"--url", s.scheme+"://"+net.JoinHostPort(publicName, port)+s.prefix)
	cmd.Env = append(os.Environ(), s.env...)
	return consult(t, cmd)
}

func consult(t *testing.T, cmd *exec.Cmd) checkup {
	t.Helper()
	out, err := cmd.Output()
	var report struct {
		Stopped  string
		Findings []struct{ ID, Sentence string }
	}
	if json.Unmarshal(out, &report) != nil {
		t.Fatalf("the doctor says %q, %v", out, err)
	}
	result := checkup{code: cmd.ProcessState.ExitCode(), text: string(out)}
	for _, f := range report.Findings {
		result.ids = append(result.ids, f.ID)
	}
	return result
}

// TestDoctorIsSilentOnWhatWeRecommend: each recommended configuration, behind the
// real program, gives no finding.
func TestDoctorIsSilentOnWhatWeRecommend(t *testing.T) {
	t.Parallel()
	for _, s := range setups() {
		if !strings.Contains(s.name, "recommended") && !slices.Contains([]string{"haproxy", "haproxy/proxy-protocol/tls", "caddy/tls", "nginx/tls", "nginx/unix"}, s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := s.examine(t, ""); got.code != 0 || len(got.ids) > 0 {
				t.Errorf("exit code %d, findings %v\n%s", got.code, got.ids, got.text)
			}
		})
	}
}

// edited is nginx with its recommended file, changed: pairs of old and new text.
func edited(file string, pairs ...string) hop {
	return func(t testing.TB, at, upstream, limit string) {
		t.Helper()
		program, dir := need(t, "nginx"), t.TempDir()
		site := edit(t, toUpstream(t, deployed(t, file), upstream), "listen 80;", "listen "+at+";")
		site = edit(t, site, pairs...)
		if limit != "" {
			site = edit(t, site, "proxy_read_timeout 1h;", "proxy_read_timeout "+limit+";")
		}
		main := write(t, dir, "nginx.conf", nginxMain(dir, site, ""))
		launch(t, at, harness.Spec{Path: program, Args: []string{"-p", dir, "-c", main, "-e", "stderr"}})
	}
}

// Lines of the recommended file that the planted faults change.
const (
	lineFor    = "proxy_set_header X-Forwarded-For $remote_addr;"
	lineProto  = "proxy_set_header X-Forwarded-Proto $scheme;"
	lineHost   = "proxy_set_header Host $http_host;"
	lineXHost  = "proxy_set_header X-Forwarded-Host $http_host;"
	lineBuffer = "proxy_buffering off;"
)

// TestDoctorFindsPlantedFaults: one thing is wrong in an otherwise recommended setup, and its id
// is among the findings.
func TestDoctorFindsPlantedFaults(t *testing.T) {
	t.Parallel()
	own := map[string]any{"externalUrl": []string{}} // nothing is pinned
	tests := []struct {
		name   string
		want   string
		pairs  []string       // of the proxy's file
		server map[string]any // of the gateway's
		limit  string
	}{
		{name: "the proxy is not in the list", want: "untrusted_peer", server: map[string]any{"trustProxy": []string{"10.9.8.7"}}},
		{name: "the proxy does not tell the client", want: "client_header_absent", pairs: []string{lineFor, `proxy_set_header X-Forwarded-For "";`}},
		{name: "the client's own word passes", want: "not_appended", pairs: []string{lineFor, "proxy_set_header X-Forwarded-For $http_x_forwarded_for;"}},
		{name: "the line is missing", want: "not_appended", pairs: []string{lineFor, ""}},
		{name: "the proxy writes no address", want: "client_header_broken", pairs: []string{lineFor, "proxy_set_header X-Forwarded-For unknown-host;"}},
		{name: "everybody is trusted behind a proxy that appends", want: "trust_too_wide",
			pairs: []string{lineFor, "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"}, server: map[string]any{"trustProxy": true}},
		{name: "one hop too many is counted", want: "hop_count", server: map[string]any{"trustProxy": 2}},
		{name: "the scheme is not told", want: "scheme_absent", pairs: []string{lineProto, `proxy_set_header X-Forwarded-Proto "";`}},
		{name: "the scheme is wrong", want: "wrong_scheme", pairs: []string{lineProto, "proxy_set_header X-Forwarded-Proto https;"}},
		{name: "the host is lost", want: "host_lost", pairs: []string{lineHost, "proxy_set_header Host localhost;", lineXHost, `proxy_set_header X-Forwarded-Host "";`}, server: own},
		{name: "the port is lost", want: "port_lost", pairs: []string{lineHost, "proxy_set_header Host $host;", lineXHost, `proxy_set_header X-Forwarded-Host "";`}, server: own},
		{name: "Forwarded passes", want: "headers_passed", pairs: []string{`proxy_set_header Forwarded "";`, ""}},
		{name: "X-Forwarded-Host passes", want: "headers_passed", pairs: []string{lineXHost, ""}},
		{name: "streams are held back", want: "stream_buffered", pairs: []string{
			lineBuffer, "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;", "proxy_http_version 1.1;", "proxy_http_version 1.0;"}},
		{name: "silent streams are cut", want: "stream_cut", limit: "150ms"},
		{name: "bodies are limited", want: "body_limit", pairs: []string{"client_max_body_size 16m;", "client_max_body_size 1m;"}},
		{name: "the host guard refuses", want: "host_guard", pairs: []string{lineXHost, `proxy_set_header X-Forwarded-Host "";`},
			server: map[string]any{"externalUrl": "http://other.example"}},
		{name: "another URL is configured", want: "external_url",
			server: map[string]any{"externalUrl": "http://other.example", "allowedHosts": []string{publicName}}},
		{name: "POST is refused", want: "post_refused", pairs: []string{lineBuffer, lineBuffer + " if ($request_uri = /mcp) { return 405; }"}},
		{name: "the redirect shows the inside", want: "redirect_inner", pairs: []string{lineBuffer, lineBuffer + " return 302 http://127.0.0.1:8080$request_uri;"}},
		{name: "the redirect goes in circles", want: "redirect_loop", pairs: []string{lineBuffer, lineBuffer + " return 302 http://$http_host$request_uri;"}},
		{name: "the upstream is not there", want: "upstream_down", pairs: []string{lineBuffer, lineBuffer + " return 502;"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := setup{file: "nginx/recommended.json", hops: []hop{edited("nginx/recommended.conf", tt.pairs...)}, server: tt.server}
			if got := s.examine(t, tt.limit); got.code != 1 || !slices.Contains(got.ids, tt.want) {
				t.Errorf("exit code %d, findings %v, want %s\n%s", got.code, got.ids, tt.want, got.text)
			}
		})
	}
	t.Run("HAProxy without a scheme", func(t *testing.T) {
		t.Parallel()
		s := setup{file: "haproxy/haproxy.json", hops: []hop{plainHAProxy}}
		if got := s.examine(t, ""); got.code != 1 || !slices.Contains(got.ids, "scheme_absent") && !slices.Contains(got.ids, "headers_passed") {
			t.Errorf("exit code %d, findings %v\n%s", got.code, got.ids, got.text)
		}
	})
	t.Run("Apache as on the page", func(t *testing.T) {
		t.Parallel()
		s := setup{file: "apache/page.json", hops: []hop{apache("page.conf")}}
		if got := s.examine(t, ""); got.code != 1 || !slices.Contains(got.ids, "headers_passed") {
			t.Errorf("exit code %d, findings %v\n%s", got.code, got.ids, got.text)
		}
	})
}

// plainHAProxy has forwardfor and nothing else.
func plainHAProxy(t testing.TB, at, upstream, _ string) {
	t.Helper()
	program, dir := need(t, "haproxy"), t.TempDir()
	config := fmt.Sprintf(`
defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend f
    bind %s
    default_backend b
backend b
    server gateway %s
`, at, upstream)
	launch(t, at, harness.Spec{Path: program, Args: []string{"-db", "-f", write(t, dir, "haproxy.cfg", config)}})
}
