//go:build linux

package proxies_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestPageIsKept: the blocks of the page that people follow are deployed as
// they stand there, below our comments.
func TestPageIsKept(t *testing.T) {
	t.Parallel()
	for page, file := range map[string]string{
		"nginx.conf":         "nginx/page.conf",
		"nginx.json":         "nginx/page.json",
		"apache.conf":        "apache/page.conf",
		"cloudflare.json":    "cloudflare/page.json",
		"docker-compose.yml": "compose/page/docker-compose.yml",
	} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			want, got := read(t, filepath.Join("testdata", "page", page)), deployed(t, file)
			above, found := strings.CutSuffix(got, want)
			if !found {
				t.Fatalf("deploy/%s does not end with the page's block:\n%s", file, got)
			}
			for line := range strings.Lines(above) {
				if !strings.HasPrefix(line, "#") {
					t.Errorf("deploy/%s has %q above the page's block", file, line)
				}
			}
		})
	}
	if apache, nginx := deployed(t, "apache/page.json"), deployed(t, "nginx/page.json"); apache != nginx {
		t.Errorf("Apache's gateway file is not the one of nginx:\n%s", apache)
	}
}

// TestFilesSayWhatTheyNeed: whoever opens a deployed file reads first what it
// needs and why.
func TestFilesSayWhatTheyNeed(t *testing.T) {
	t.Parallel()
	eachDeployed(t, func(path, text string) {
		switch filepath.Ext(path) {
		case ".json", ".md", ".sh":
			return
		}
		above, _, _ := strings.Cut(text, "\n# Why")
		if !strings.HasPrefix(above, "# Needs: ") || above == text {
			t.Errorf("deploy/%s does not begin with what it needs and why", path)
		}
	})
}

// TestGatewayFiles: the gateway takes each of its deployed files.
func TestGatewayFiles(t *testing.T) {
	t.Parallel()
	eachDeployed(t, func(path, _ string) {
		if filepath.Ext(path) == ".json" {
			checkGatewayFile(t, filepath.Join(repository(), "deploy", path))
		}
	})
	var config struct {
		Data map[string]string `yaml:"data"`
	}
	decode(t, yaml.NewDecoder(strings.NewReader(deployed(t, "kubernetes/1mcp.yaml"))), &config)
	checkGatewayFile(t, write(t, t.TempDir(), "mcp.json", config.Data["mcp.json"]))
}

func checkGatewayFile(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command(bin.OneMCP, "check", path)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(bin.OneMCP)+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("1mcp check %s: %v\n%s", path, err, out)
	}
}

// TestParsed holds what cannot run here to its parser and to the settings that
// it is there for. It does not show that the programs take the files.
func TestParsed(t *testing.T) {
	t.Parallel()
	const (
		manager = "static_resources.listeners.0.filter_chains.0.filters.0.typed_config."
		route   = manager + "route_config.virtual_hosts.0.routes.0.route."
		ingress = "metadata.annotations."
		nginx   = "nginx.ingress.kubernetes.io/"
	)
	for _, c := range []struct {
		file     string
		document int
		at, want string
	}{
		{"compose/page/docker-compose.yml", 0, "services.1mcp.environment.0", "TRUST_PROXY=true"},
		{"compose/page/docker-compose.yml", 0, "services.1mcp.volumes.0", "./mcp.json:/app/mcp.json"},
		{"compose/recommended/docker-compose.yml", 0, "networks.gateway.ipam.config.0.subnet", "172.30.30.0/24"},
		{"compose/recommended/docker-compose.yml", 0, "services.1mcp.environment.TRUST_PROXY", "172.30.30.0/24"},
		{"compose/recommended/docker-compose.yml", 0, "services.1mcp.networks.0", "gateway"},
		{"compose/recommended/docker-compose.yml", 0, "services.nginx.networks.0", "gateway"},
		{"compose/recommended/docker-compose.yml", 0, "services.nginx.depends_on.1mcp.condition", "service_healthy"},
		{"traefik/traefik.yml", 0, "entryPoints.websecure.transport.respondingTimeouts.writeTimeout", "0s"},
		{"traefik/dynamic.yml", 0, "http.services.mcp.loadBalancer.servers.0.url", "http://127.0.0.1:3000"},
		{"traefik/dynamic.yml", 0, "http.services.mcp.loadBalancer.passHostHeader", "true"},
		{"traefik/dynamic.yml", 0, "http.middlewares.mcp-headers.headers.customRequestHeaders.Forwarded", ""},
		{"envoy/envoy.yaml", 0, manager + "use_remote_address", "true"},
		{"envoy/envoy.yaml", 0, manager + "stream_idle_timeout", "0s"},
		{"envoy/envoy.yaml", 0, route + "timeout", "0s"},
		{"envoy/envoy.yaml", 0, route + "cluster", "gateway"},
		{"envoy/envoy.yaml", 0, "static_resources.clusters.0.name", "gateway"},
		{"cloudflare/tunnel.yml", 0, "ingress.0.service", "http://127.0.0.1:3000"},
		{"kubernetes/1mcp.yaml", 1, "spec.template.spec.containers.0.livenessProbe.httpGet.path", "/health/live"},
		{"kubernetes/1mcp.yaml", 1, "spec.template.spec.containers.0.readinessProbe.httpGet.path", "/health/ready"},
		{"kubernetes/1mcp.yaml", 2, "spec.ports.0.targetPort", "http"},
		{"kubernetes/1mcp.yaml", 3, ingress + nginx + "proxy-buffering", "off"},
		{"kubernetes/1mcp.yaml", 3, ingress + nginx + "proxy-read-timeout", "3600"},
		{"kubernetes/1mcp.yaml", 3, "spec.rules.0.http.paths.0.backend.service.name", "mcp"},
	} {
		t.Run(c.file+"/"+c.at, func(t *testing.T) {
			t.Parallel()
			if got := scalar(t, documents(t, c.file)[c.document], c.at); got != c.want {
				t.Errorf("it is %q, want %q", got, c.want)
			}
		})
	}
}

// TestSystemdUnit: systemd finds nothing wrong with the unit.
func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	analyze := need(t, "systemd-analyze")
	unit := edit(t, deployed(t, "systemd/1mcp.service"), "/usr/local/bin/1mcp", bin.OneMCP)
	out, err := exec.Command(analyze, "verify", write(t, t.TempDir(), "1mcp.service", unit)).CombinedOutput()
	if err != nil || strings.Contains(string(out), "1mcp.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// eachDeployed calls do for every file of deploy/, with its path there.
func eachDeployed(t *testing.T, do func(path, text string)) {
	t.Helper()
	root := filepath.Join(repository(), "deploy")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err == nil {
			do(relative, deployed(t, relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// documents are the YAML documents of a deployed file. No member may come twice.
func documents(t *testing.T, path string) []*yaml.Node {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(deployed(t, path)))
	var all []*yaml.Node
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return all
		}
		var unique any // the decoder refuses duplicates here, not above
		if err := errors.Join(err, node.Decode(&unique)); err != nil {
			t.Fatalf("deploy/%s: %v", path, err)
		}
		all = append(all, node.Content[0])
	}
}

func decode(t *testing.T, d *yaml.Decoder, into any) {
	t.Helper()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// scalar is the value at a path of names and indices with dots between. A name
// may hold dots itself.
func scalar(t *testing.T, node *yaml.Node, path string) string {
	t.Helper()
	for rest := path; rest != ""; {
		child, after := descend(node, rest)
		if child == nil {
			t.Fatalf("there is nothing at %s", path)
		}
		node, rest = child, after
	}
	if node.Kind != yaml.ScalarNode {
		t.Fatalf("%s is no scalar", path)
	}
	return node.Value
}

func descend(node *yaml.Node, path string) (child *yaml.Node, rest string) {
	if node.Kind == yaml.SequenceNode {
		index, rest, _ := strings.Cut(path, ".")
		if i, err := strconv.Atoi(index); err == nil && i < len(node.Content) {
			return node.Content[i], rest
		}
		return nil, ""
	}
	for pair := range slices.Chunk(node.Content, 2) {
		if after, ok := strings.CutPrefix(path+".", pair[0].Value+"."); ok {
			return pair[1], strings.TrimSuffix(after, ".")
		}
	}
	return nil, ""
}
