//go:build linux

package proxies_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"onemcp/interop/harness"
)

// hop starts a proxy with a file of deploy/, serving at an address, in front
// of upstream, which is host:port or the path of a unix socket. A limit that is
// not empty, as "2s", is what the proxy lets a stream be idle.
type hop func(t testing.TB, at, upstream, limit string)

// nginx runs a file of deploy/ inside the least http section.
func nginx(file string) hop {
	return func(t testing.TB, at, upstream, limit string) {
		t.Helper()
		program, dir, global := need(t, "nginx"), t.TempDir(), ""
		site := toUpstream(t, httpSection(deployed(t, file)), upstream)
		if strings.Contains(site, "listen 443 ") {
			crt, key := certificate(t)
			site = strings.ReplaceAll(site, "listen 80;", "listen "+reserve(t)+";")
			site = edit(t, site, "listen 443 ", "listen "+at+" ",
				"/etc/ssl/mcp.example.com.crt", crt, "/etc/ssl/mcp.example.com.key", key)
		} else {
			site = edit(t, site, "listen 80;", "listen "+at+";")
		}
		switch {
		case limit == "":
		case strings.Contains(site, "proxy_read_timeout"):
			site = edit(t, site, "proxy_read_timeout 1h;", "proxy_read_timeout "+limit+";")
		default:
			global = "proxy_read_timeout " + limit + ";"
		}
		main := write(t, dir, "nginx.conf", nginxMain(dir, site, global))
		launch(t, at, harness.Spec{Path: program, Args: []string{"-p", dir, "-c", main, "-e", "stderr"}})
	}
}

// httpSection is what a whole nginx.conf has between its http { and }, or a
// part of one as it is.
func httpSection(text string) string {
	if _, inner, whole := strings.Cut(text, "http {\n"); whole {
		return inner[:strings.LastIndex(inner, "}")]
	}
	return text
}

// nginxMain keeps all that nginx writes in dir.
func nginxMain(dir, site, global string) string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // or its workers could not read dir
	}
	return fmt.Sprintf(`
daemon off;
%[3]s
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    %[4]s
    %[2]s
}
`, dir, site, user, global)
}

// apache runs a file of deploy/apache with the modules that it needs.
func apache(file string) hop {
	return func(t testing.TB, at, upstream, limit string) {
		t.Helper()
		program, dir := need(t, "apache2"), t.TempDir()
		port := at[strings.LastIndex(at, ":"):]
		site := edit(t, toUpstream(t, deployed(t, "apache/"+file), upstream), "<VirtualHost *:80>", "<VirtualHost *"+port+">")
		global := ""
		switch {
		case limit == "":
		case strings.Contains(site, "ProxyTimeout"):
			site = edit(t, site, "ProxyTimeout 3600", "ProxyTimeout "+limit)
		default:
			global = "ProxyTimeout " + limit
		}
		main := write(t, dir, "apache.conf", apacheMain(dir, at, site, global))
		launch(t, at, harness.Spec{Path: program, Args: []string{"-DFOREGROUND", "-f", main}})
	}
}

func apacheMain(dir, at, site, global string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ServerRoot %s\nDefaultRuntimeDir %[1]s\nPidFile %[1]s/pid\nErrorLog /dev/stderr\n", dir)
	fmt.Fprintf(&b, "ServerName localhost\nListen %s\n", at)
	for _, module := range []string{"mpm_event", "authz_core", "headers", "proxy", "proxy_http"} {
		fmt.Fprintf(&b, "LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", module)
	}
	if os.Geteuid() == 0 {
		b.WriteString("User www-data\nGroup www-data\n") // Apache refuses to serve as root
	}
	fmt.Fprintf(&b, "%s\n%s\n", global, site)
	return b.String()
}

// haproxy runs a file of deploy/haproxy.
func haproxy(file string) hop { return haproxyAt(file, "bind :80\n") }

// haproxyTLS is haproxy, met where it ends TLS.
func haproxyTLS(file string) hop { return haproxyAt(file, "bind :443 ") }

func haproxyAt(file, met string) hop {
	return func(t testing.TB, at, upstream, limit string) {
		t.Helper()
		program, dir := need(t, "haproxy"), t.TempDir()
		config := toUpstream(t, deployed(t, "haproxy/"+file), upstream)
		for _, bind := range []string{"bind :80\n", "bind :443 "} {
			to := at
			if bind != met {
				to = reserve(t)
			}
			if bind == met || strings.Contains(config, bind) {
				config = edit(t, config, bind, "bind "+to+bind[len(bind)-1:])
			}
		}
		if strings.Contains(config, ".pem") {
			crt, key := certificate(t)
			both := write(t, dir, "both.pem", read(t, crt)+read(t, key))
			config = edit(t, config, "/etc/haproxy/mcp.example.com.pem", both)
		}
		if limit != "" {
			config = edit(t, config, "timeout server 1h", "timeout server "+limit, "timeout client 1h", "timeout client "+limit)
		}
		main := write(t, dir, "haproxy.cfg", config)
		launch(t, at, harness.Spec{Path: program, Args: []string{"-db", "-f", main}})
	}
}

// caddy runs the Caddyfile on plain HTTP: there is no authority here that would
// give it a certificate.
func caddy(t testing.TB, at, upstream, limit string) {
	t.Helper()
	startCaddy(t, at, upstream, limit, "http", "")
}

// caddyTLS gives Caddy a certificate.
func caddyTLS(t testing.TB, at, upstream, limit string) {
	t.Helper()
	crt, key := certificate(t)
	startCaddy(t, at, upstream, limit, "https", "tls "+crt+" "+key)
}

func startCaddy(t testing.TB, at, upstream, limit, scheme, tls string) {
	t.Helper()
	program, dir := need(t, "caddy"), t.TempDir()
	host, port, _ := strings.Cut(at, ":")
	site := edit(t, toUpstream(t, deployed(t, "caddy/Caddyfile"), upstream),
		"\nmcp.example.com {", "\n"+scheme+"://"+publicName+":"+port+" {\nbind "+host+"\n"+tls)
	if haste(t, program) {
		site = edit(t, site, "header_up -Forwarded\n", "header_up -Forwarded\nbuffer_requests\n")
	}
	if limit != "" {
		site = edit(t, site, "header_up -Forwarded\n", "header_up -Forwarded\ntransport http {\nread_timeout "+limit+"\n}\n")
	}
	main := write(t, dir, "Caddyfile", "{\nadmin off\nauto_https off\ngrace_period 1s\n}\n"+site)
	launch(t, at, harness.Spec{
		Path: program,
		Args: []string{"run", "--config", main, "--adapter", "caddyfile"},
		Env:  []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir},
	})
}

// haste reports whether a Caddy is of those that cut off an answer which comes before they have done with the request's body:
// 2.6, built by Go 1.19. There the gateway is too fast for it in up to eight of a hundred sessions, and of a
// subscriptions/listen that was acknowledged and then cut off the official client says nothing. docs/reverse-proxy.md has the
// remedy that is used here; versions from 2.8 on do not know the setting.
func haste(t testing.TB, program string) bool {
	t.Helper()
	version, err := exec.Command(program, "version").Output()
	if err != nil {
		t.Fatalf("%s version: %v", program, err)
	}
	return strings.HasPrefix(strings.TrimPrefix(string(version), "v"), "2.6.")
}

// toUpstream puts where the gateway is in the place of where the files have it.
func toUpstream(t testing.TB, text, upstream string) string {
	t.Helper()
	for _, there := range []string{"127.0.0.1:3000", "localhost:3000", "1mcp:3000", "/run/1mcp/1mcp.sock"} {
		if strings.Contains(text, there) {
			return edit(t, text, there, strings.Replace(upstream, "127.0.0.1", hostOf(there), 1))
		}
	}
	t.Fatalf("the deployed file names no gateway:\n%s", text)
	return ""
}

// hostOf keeps the page's localhost as it stands.
func hostOf(there string) string {
	if host, _, _ := strings.Cut(there, ":"); host == "localhost" {
		return host
	}
	return "127.0.0.1"
}

func read(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
