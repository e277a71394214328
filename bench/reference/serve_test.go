package reference

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestEachBackendIsShownUnderItsPath(t *testing.T) {
	t.Parallel()
	var to []*url.URL
	for _, name := range []string{"a", "b"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s at %s for %s", name, r.URL.Path, r.Header.Get("X-Forwarded-For"))
		}))
		t.Cleanup(server.Close)
		u, err := url.Parse(server.URL + "/" + name + "/mcp")
		if err != nil {
			t.Fatal(err)
		}
		to = append(to, u)
	}
	proxy := httptest.NewServer(Proxy(to...))
	t.Cleanup(proxy.Close)
	for path, want := range map[string]string{"/a/mcp": "a at /a/mcp for 127.0.0.1", "/b/mcp": "b at /b/mcp for 127.0.0.1"} {
		if status, got := get(t, proxy.URL+path); status != 200 || got != want {
			t.Errorf("%s: %d, %s", path, status, got)
		}
	}
	if status, _ := get(t, proxy.URL+"/c/mcp"); status != 404 {
		t.Errorf("a path of nobody: %d", status)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}
