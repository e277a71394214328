package middle

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
)

// Nginx is proxy_pass as everybody sets it up, with kept connections to the backend. It is false
// when nginx is not installed.
func Nginx() (Kind, bool) {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary = "/usr/sbin/nginx" // where Debian puts it, which is not on every PATH
		if _, err := os.Stat(binary); err != nil {
			return Kind{}, false
		}
	}
	return Kind{
		Name:  "nginx",
		Fits:  oneHTTP,
		Start: func(s Setup) (*Running, error) { return startNginx(binary, s) },
	}, true
}

func startNginx(binary string, s Setup) (*Running, error) {
	to, err := url.Parse(s.Backends[0].URL)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.Dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxFile, s.Dir, port, to.Host), 0o600); err != nil {
		return nil, err
	}
	p, err := start(s.Dir, "nginx", []string{binary, "-p", s.Dir, "-e", "stderr", "-c", file}, nil)
	if err != nil {
		return nil, err
	}
	return p.running(fmt.Sprintf("http://127.0.0.1:%d%s", port, to.Path), p.awaitPort(port))
}

const nginxFile = `daemon off;
worker_processes 2;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log %[1]s/nginx-access.log;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  client_max_body_size 64m;
  client_body_buffer_size 1m;
  keepalive_requests 1000000000;
  upstream backend { server %[3]s; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:%[2]d;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_buffering off;
    }
  }
}
`
