package middle

import (
	"net/url"
	"os"
	"strconv"
	"strings"
)

// Backends starts the process that is all HTTP backends, at an address or, without one, anywhere. Its URL has
// no path: each profile has its own. All can be reached at more origins, too. With a URL in place of an address
// the process runs already, and its other origins are not known.
func Backends(self, dir, address string, origins int) (*Running, error) {
	if strings.HasPrefix(address, "http://") {
		base, err := origin(address)
		return &Running{URL: base}, err
	}
	argv := []string{self, "backend", "-origins", strconv.Itoa(origins)}
	if address != "" {
		argv = append(argv, "-listen", address)
	}
	p, err := start(dir, "backends", argv, nil)
	if err != nil {
		return nil, err
	}
	base, err := p.awaitURL(announced)
	if err == nil {
		base, err = origin(base)
	}
	r, err := p.running(base, err)
	if err == nil {
		r.Apart, err = p.also()
	}
	return r, err
}

// also returns the origins that a program printed before it said where it listens.
func (p *process) also() (urls []string, err error) {
	text, err := os.ReadFile(p.log)
	for line := range strings.Lines(string(text)) {
		if url, is := strings.CutPrefix(line, "also "); is {
			urls = append(urls, strings.TrimSpace(url))
		}
	}
	return urls, err
}

// origin is a URL without its path.
func origin(of string) (string, error) {
	u, err := url.Parse(of)
	if err != nil {
		return "", err
	}
	return u.Scheme + "://" + u.Host, nil
}
