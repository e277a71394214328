package trustlist_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/trustlist"
	"onemcp/internal/trustproxy"
)

func setting(t *testing.T, text string) trustproxy.Setting {
	t.Helper()
	s, err := trustproxy.ParseText(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// follow opens and runs lists until the test ends.
func follow(t *testing.T, text string, o trustlist.Options) *trustlist.Lists {
	t.Helper()
	l, err := trustlist.Open(setting(t, text), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		if cancel(); <-done != nil {
			t.Error("Run ended with an error")
		}
	})
	return l
}

func trusts(l *trustlist.Lists, addr string) bool {
	return l.Policy().Trusts(netip.MustParseAddr(addr))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFileIsReloaded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "proxies")
	write(t, path, "10.0.0.1\n")
	synctest.Test(t, func(t *testing.T) {
		l := follow(t, "192.0.2.1,file:"+path, trustlist.Options{})
		if !trusts(l, "10.0.0.1") || !trusts(l, "192.0.2.1") || trusts(l, "10.0.0.2") {
			t.Fatal("the first contents do not count")
		}
		write(t, path, "10.0.0.2\n")
		time.Sleep(1500 * time.Millisecond)
		if trusts(l, "10.0.0.2") {
			t.Error("a text counts that was seen only once")
		}
		time.Sleep(time.Second)
		if trusts(l, "10.0.0.1") || !trusts(l, "10.0.0.2") || !trusts(l, "192.0.2.1") {
			t.Error("the new contents do not count alone")
		}
	})
}

func TestTheLastGoodContentsStay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "proxies")
	write(t, path, "10.0.0.1\n")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := follow(t, "file:"+path, trustlist.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		for _, trouble := range []func(){
			func() { write(t, path, "10.0.0.2\nnginx\n") },
			func() { write(t, path, strings.Repeat("#", 1<<20)+"x") },
			func() { _ = os.Remove(path) },
		} {
			trouble()
			time.Sleep(time.Minute)
			if !trusts(l, "10.0.0.1") || trusts(l, "10.0.0.2") {
				t.Error("the last good contents are gone")
			}
		}
		if age := l.Age(); age < 3*time.Minute || age > 3*time.Minute+2*time.Second {
			t.Errorf("age %v after three minutes of trouble", age)
		}
		write(t, path, "10.0.0.1\n")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if age := l.Age(); age > 2*time.Second {
			t.Errorf("age %v after the trouble", age)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 3 || strings.Count(log.String(), "fine again") != 1 {
			t.Errorf("%d warnings for 3 troubles:\n%s", n, log.String())
		}
	})
}

func TestANameIsResolvedAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := map[time.Duration][]string{0: nil, time.Second: {"10.0.0.1", "::ffff:10.0.0.9"}, 31 * time.Second: {"10.0.0.2"}}
		start := time.Now()
		l := follow(t, "dns:nginx", trustlist.Options{Resolve: func(_ context.Context, name string) ([]netip.Addr, error) {
			texts, ok := answers[time.Since(start)]
			if !ok || texts == nil || name != "nginx" {
				return []netip.Addr{netip.MustParseAddr("10.0.0.66")}, errors.New("no such host")
			}
			var out []netip.Addr
			for _, a := range texts {
				out = append(out, netip.MustParseAddr(a))
			}
			return out, nil
		}})
		expect := func(when time.Duration, want string) {
			t.Helper()
			time.Sleep(time.Until(start.Add(when)))
			synctest.Wait()
			var got []string
			for _, a := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.9", "10.0.0.66"} {
				if trusts(l, a) {
					got = append(got, a)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("after %v trusted: %v, want %s", when, got, want)
			}
		}
		expect(0, "")
		expect(time.Second, "10.0.0.1 10.0.0.9")
		expect(30*time.Second, "10.0.0.1 10.0.0.9")
		expect(31*time.Second, "10.0.0.2")
		expect(61*time.Second, "") // fails closed
		if age := l.Age(); age != 30*time.Second {
			t.Errorf("age %v", age)
		}
	})
}

func TestALookupThatHangsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lookups := 0
		follow(t, "dns:nginx", trustlist.Options{Resolve: func(ctx context.Context, _ string) ([]netip.Addr, error) {
			lookups++
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		time.Sleep(13 * time.Second) // 5 s, 1 s, 5 s, 2 s
		synctest.Wait()
		if lookups != 3 {
			t.Errorf("%d lookups", lookups)
		}
	})
}

func TestOpenRefusesAnUnusableFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bad"), "10.0.0.1\n\n0.0.0.0/0\n")
	for name, want := range map[string]string{
		"missing": "no such file",
		"bad":     "line 3",
	} {
		_, err := trustlist.Open(setting(t, "file:"+filepath.Join(dir, name)), trustlist.Options{})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "proxies")
	write(t, path, "10.0.0.1\n")
	e, err := trustlist.Load(t.Context(), trustproxy.Source{Kind: trustproxy.FileSource, Name: path})
	if err != nil || len(e.Prefixes) != 1 {
		t.Errorf("%v, %v", e, err)
	}
	e, err = trustlist.Load(t.Context(), trustproxy.Source{Kind: trustproxy.DNSSource, Name: "localhost"})
	if err != nil || len(e.Prefixes) == 0 || !e.Prefixes[0].Addr().IsLoopback() {
		t.Errorf("%v, %v", e, err)
	}
}

func TestWithoutListsRunWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := follow(t, "loopback", trustlist.Options{})
		time.Sleep(time.Hour)
		if l.Age() != 0 || !trusts(l, "127.0.0.1") {
			t.Error("a setting without lists changed")
		}
	})
}
