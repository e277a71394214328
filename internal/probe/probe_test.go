package probe_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"onemcp/internal/probe"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	if _, err := probe.Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a key before there is one: %v", err)
	}
	gateway, err := probe.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	doctor, err := probe.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := probe.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token := doctor.Mint(now).Reveal()
	tests := []struct {
		name  string
		key   *probe.Key
		token string
		at    time.Time
		ok    bool
	}{
		{"fresh", gateway, token, now, true},
		{"at the end", gateway, token, now.Add(probe.Lifetime - 2*time.Second), true},
		{"expired", gateway, token, now.Add(probe.Lifetime), false},
		{"another gateway's", stranger, token, now, false},
		{"changed", gateway, token[:20] + "!" + token[21:], now, false},
		{"of another time", gateway, doctor.Mint(now.Add(time.Minute)).Reveal()[:11] + token[11:], now, false},
		{"nothing", gateway, "", now, false},
		{"without a key", nil, token, now, false},
		{"from the future", gateway, doctor.Mint(now.Add(time.Hour)).Reveal(), now, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.key.Check(tt.token, tt.at); got != tt.ok {
				t.Errorf("Check = %v", got)
			}
		})
	}
}

func TestAKeyThatOthersReadIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := probe.Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "probe.key"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := probe.Open(dir); err == nil {
		t.Error("accepted")
	}
}

func TestGatewaysThatStartTogetherShareOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := make([]*probe.Key, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() { keys[i], _ = probe.Open(dir) })
	}
	group.Wait()
	now := time.Now()
	for i, k := range keys {
		if !k.Check(keys[0].Mint(now).Reveal(), now) {
			t.Errorf("key %d is another one", i)
		}
	}
}

func TestDir(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, flag string
		env        map[string]string
		want       string
	}{
		{"flag", "/f", map[string]string{"ONE_MCP_STATE_DIR": "/e"}, "/f"},
		{"variable", "", map[string]string{"ONE_MCP_STATE_DIR": "/e", "XDG_STATE_HOME": "/x"}, "/e"},
		{"XDG", "", map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/1mcp"},
		{"home", "", map[string]string{"HOME": "/h"}, "/h/.local/state/1mcp"},
		{"none", "", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lookup := func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok }
			if got := probe.Dir(tt.flag, lookup); got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}
